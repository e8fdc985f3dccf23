import pytest

from affidavit.errors import ConfigurationError, NoteError
from affidavit.tlog.cosignature import cosign
from affidavit.tlog.note import COSIGNATURE, ED25519, Note, Signature, SigningKey, sign
from affidavit.tlog.policy import parse_policy

TEXT = "example.com/log\n5\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
LOG = SigningKey("example.com/log", COSIGNATURE, b"\x01" * 32)
X1, X2, X3, Y1 = (SigningKey(f"w{n}.example", COSIGNATURE, bytes([n]) * 32) for n in (2, 3, 4, 5))

POLICY = f"""# who may say so
log {LOG.public.text} https://example.com/
\twitness X1 {X1.public.text}
witness X2 {X2.public.text} https://w3.example/
witness X3 {X3.public.text}
witness Y1 {Y1.public.text}

group X 2 X1 X2 X3
group Y any Y1
group X-and-Y all X Y
quorum X-and-Y
"""


def note(*keys, text=TEXT):
    return Note(text, tuple(cosign(text, key, time=100 + place) for place, key in enumerate(keys)))


def test_a_quorum_of_groups():
    endorsement = parse_policy(POLICY).endorse(note(LOG, X1, X3, Y1))
    assert endorsement.checkpoint.size == 5
    assert endorsement.log == LOG.public
    assert endorsement.time == 100
    assert endorsement.witnesses == (("X1", 101), ("X3", 102), ("Y1", 103))


@pytest.mark.parametrize("keys", [(LOG,), (LOG, X1, Y1), (LOG, X1, X2, X3), (LOG, Y1)])
def test_less_than_the_quorum_is_not_enough(keys):
    with pytest.raises(NoteError, match="quorum"):
        parse_policy(POLICY).endorse(note(*keys))


def test_a_checkpoint_that_no_known_log_signed_is_refused():
    with pytest.raises(NoteError, match="no log"):
        parse_policy(POLICY).endorse(note(X1, X2, Y1))
    stranger = SigningKey(LOG.name, COSIGNATURE, b"\x09" * 32)
    with pytest.raises(NoteError, match="no log"):
        parse_policy(POLICY).endorse(note(stranger, X1, X2, Y1))


def test_a_known_log_does_not_sign_for_another_origin():
    with pytest.raises(NoteError, match="no log"):
        parse_policy(f"log {LOG.public.text}\nquorum none\n").endorse(
            note(LOG, text=TEXT.replace("example.com", "example.org"))
        )


def test_a_bad_cosignature_of_a_known_witness_spoils_the_note():
    good = note(LOG, X1, X2, X3, Y1)
    *rest, last = good.signatures
    spoiled = Note(TEXT, (*rest, Signature(last.name, last.id, last.value[:-1] + b"\x00")))
    with pytest.raises(NoteError, match="does not hold"):
        parse_policy(POLICY).endorse(spoiled)


def test_quorum_none_asks_for_no_witness_and_a_plain_log_key_will_do():
    plain = SigningKey("example.com/log", ED25519, b"\x08" * 32)
    endorsement = parse_policy(f"log {plain.public.text}\nquorum none\n").endorse(Note(TEXT, (sign(TEXT, plain),)))
    assert (endorsement.time, endorsement.witnesses) == (None, ())


def test_names_are_octets():
    text = f"log {LOG.public.text}\nwitness \xff {X1.public.text}\nquorum \xff\n".encode("latin-1")
    parse_policy(text).endorse(note(LOG, X1))
    with pytest.raises(ConfigurationError, match="line 3"):
        parse_policy(text.replace(b"quorum \xff", b"quorum \xfe"))


V1, V2 = f"witness X1 {X1.public.text}\n", f"witness X2 {X2.public.text}\n"
PLAIN = SigningKey("w", ED25519, b"\x0a" * 32).public.text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("# nothing\n", 2),
        ("quorum X1\n", 1),
        ("quorum none\nquorum none\n", 2),
        ("quorum\n", 1),
        ("quorum none none\n", 1),
        ("observer x\nquorum none\n", 1),
        ("log\nquorum none\n", 1),
        ("log nonsense\nquorum none\n", 1),
        (f"log {LOG.public.text}\nlog {LOG.public.text}\nquorum none\n", 2),
        (V1 + V1 + "quorum none\n", 2),
        (V1 + V2.replace("X2 ", "X1 ", 1) + "quorum none\n", 2),
        (V1 + f"witness again {SigningKey('other', COSIGNATURE, X1.seed).public.text}\nquorum X1\n", 2),
        (V1.replace("X1 ", "none ", 1) + "quorum none\n", 1),
        (f"witness X1 {PLAIN}\nquorum X1\n", 1),
        ("witness X1\nquorum X1\n", 1),
        (V1 + "group g any X1 X2\nquorum g\n", 2),
        (V1 + "group g any\nquorum g\n", 2),
        (V1 + "group g 0 X1\nquorum g\n", 2),
        (V1 + "group g 2 X1\nquorum g\n", 2),
        (V1 + "group g +1 X1\nquorum g\n", 2),
        (V1 + "group g most X1\nquorum g\n", 2),
        (V1 + "group g any none\nquorum g\n", 2),
        (V1 + "group X1 any X1\nquorum X1\n", 2),
        (V1 + "group g any X1 X1\nquorum g\n", 2),
        (V1 + "group g any X1\ngroup h any X1\nquorum g\n", 3),
        (V1 + "group g any h\ngroup h any X1\nquorum g\n", 2),
        ("quorum none\r\n", 1),
        ("quorum none\n# \x0b\n", 2),
    ],
)
def test_a_wrong_policy_names_its_line(text, line):
    with pytest.raises(ConfigurationError, match=f"policy line {line}: "):
        parse_policy(text)


def test_a_key_whose_name_is_no_text_is_a_mistake_on_its_line():
    data = POLICY.encode().replace(b"w2.example", b"w\xe2.example")
    with pytest.raises(ConfigurationError, match=r"line 3: .*not UTF-8"):
        parse_policy(data)
