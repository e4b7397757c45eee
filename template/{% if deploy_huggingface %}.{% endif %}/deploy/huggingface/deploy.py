# /// script
# requires-python = ">=3.11"
# dependencies = ["huggingface-hub>=1"]
# ///
"""Serve the image in a Hugging Face Space: deploy/huggingface/ is all that the Space holds.

uv run deploy/huggingface.py --space USER/NAME [--dry-run]
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi

FOLDER = Path(__file__).with_name("huggingface")


def definition(space: str) -> dict[str, Any]:
    """The Space, and the text of each of its files."""
    files = {path.name: path.read_text("utf-8") for path in sorted(FOLDER.iterdir())}
    return {"repo_id": space, "repo_type": "space", "space_sdk": "docker", "files": files}


def create(space: str) -> str:
    """Make the Space, or update it; returns its address. HF_TOKEN must allow to write."""
    api = HfApi()
    made = api.create_repo(space, repo_type="space", space_sdk="docker", exist_ok=True)
    api.upload_folder(repo_id=space, repo_type="space", folder_path=FOLDER)
    return str(made)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--space", required=True, help="USER/NAME")
    parser.add_argument("--dry-run", action="store_true", help="print what would be created")
    options = parser.parse_args()
    made = json.dumps(definition(options.space), indent=2, ensure_ascii=False)
    sys.stdout.write(f"{made if options.dry_run else create(options.space)}\n")


if __name__ == "__main__":
    main()
