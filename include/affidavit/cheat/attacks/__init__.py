"""What cheaters do. Nothing here imports the verifier: attack and defence share no code that could err in both.

``forgery`` is the workshop; ``entries``, ``heads`` and ``beside`` are the attacks; :data:`ALL` lists them with who
could do each and what is expected to notice.
"""

from affidavit.cheat.attacks.attack import INSIDE, Attack, Defence, Power, Scene, Unfit
from affidavit.cheat.attacks.every import ALL

__all__ = ["ALL", "INSIDE", "Attack", "Defence", "Power", "Scene", "Unfit"]
