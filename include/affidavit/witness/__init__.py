"""One program, two roles: the signer of our own log, and the witness of somebody else's.

Both cosign a checkpoint only if it is proven to extend the last one that they cosigned, and write down the new one
before the signature leaves. A *witness* knows the keys of the logs it watches. A *signer* has the log's own key and
takes, beside what a witness takes, the unsigned body of the next checkpoint of its own log. They speak C2SP
tlog-witness over a Unix socket or loopback HTTP; TLS, where it is wanted, stands before them.

    client  ->  server     one bounded request at a time
                protocol   reads it and decides: pure
                state      compares and persists in one step, then the signature is released

Nothing here imports the ledger: a signer runs as another user, who needs no database.
"""
