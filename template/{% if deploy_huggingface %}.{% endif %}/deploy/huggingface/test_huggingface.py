"""Tests of what a Space expects."""

from pathlib import Path

FOLDER = Path(__file__).parent
DOCKERFILE = FOLDER.parents[1] / "Dockerfile"


def test_space_uses_port_of_the_image() -> None:
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert "\nsdk: docker\napp_port: 8080\n" in card
    assert "\nEXPOSE 8080\n" in DOCKERFILE.read_text(encoding="utf-8")
