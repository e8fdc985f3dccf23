import pytest

from affidavit.errors import NoteError
from affidavit.tlog.checkpoint import Checkpoint

# The example of C2SP tlog-checkpoint.
TEXT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"


def test_a_checkpoint_reads_back_byte_for_byte():
    checkpoint = Checkpoint.parse(TEXT)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.text == TEXT
    assert Checkpoint.parse(TEXT + "extension\nmore\n").extensions == ("extension", "more")


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT[:-1],
        TEXT.replace("example.com/behind-the-sofa", ""),
        TEXT.replace("20852163", "020852163"),
        TEXT.replace("20852163", "-1"),
        TEXT.replace("20852163", "+1"),
        TEXT.replace("20852163", "1e3"),
        TEXT.replace("20852163", "٣"),
        TEXT.replace("20852163", "9" * 19),
        TEXT.replace("q2I=", "q2J="),
        TEXT.replace("q2I=", "q2I"),
        TEXT.replace("CsUY", ""),
        TEXT.replace("CsUY", "Cs Y"),
        TEXT + "\n",
        TEXT + "extension",
    ],
)
def test_a_second_spelling_is_refused(text):
    with pytest.raises(NoteError):
        Checkpoint.parse(text)


@pytest.mark.parametrize(
    "values", [("", 1, b"x" * 32), ("a\nb", 1, b"x" * 32), ("a", -1, b"x" * 32), ("a", 1, b"x" * 31)]
)
def test_an_impossible_checkpoint_cannot_be_made(values):
    with pytest.raises(NoteError):
        Checkpoint(*values)
