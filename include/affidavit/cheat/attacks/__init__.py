"""What cheaters do. Nothing here imports the verifier, nor whatever appends.

What both sides share is :mod:`affidavit.tlog` and :mod:`affidavit.evidence`: hashes, notes, and how a statement's
columns follow from its leaf. A fault in these is for the public vectors, and the stand-alone verifier, to find.

``forgery`` is the workshop; ``entries``, ``heads`` and ``beside`` are the attacks; :data:`ALL` lists them with who
could do each and what is expected to notice.
"""

from affidavit.cheat.attacks.attack import INSIDE, Attack, Defence, Power, Scene, Unfit
from affidavit.cheat.attacks.every import ALL

__all__ = ["ALL", "INSIDE", "Attack", "Defence", "Power", "Scene", "Unfit"]
