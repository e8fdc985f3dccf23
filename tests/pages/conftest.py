import pytest

from affidavit.pages.figures import Figure
from tests.pages.measurements import drawings


@pytest.fixture(scope="session")
def drawn() -> dict[str, Figure]:
    """Each chart, drawn once: the first takes a second."""
    return drawings()
