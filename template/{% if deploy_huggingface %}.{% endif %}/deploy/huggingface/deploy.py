# /// script
# requires-python = ">=3.11"
# dependencies = ["huggingface-hub>=1"]
# ///
"""Deploy the image to a Hugging Face Space, which gets the Dockerfile and README.md of this folder.

uv run deploy/huggingface/deploy.py --space USER/NAME
"""

import argparse
import json
import sys
from pathlib import Path

from huggingface_hub import HfApi

FOLDER = Path(__file__).parent
FILES = ["Dockerfile", "README.md"]


def deploy(space: str) -> str:
    """Create or update the Space; returns its address. HF_TOKEN must allow it."""
    api = HfApi()
    address = api.create_repo(space, repo_type="space", space_sdk="docker", exist_ok=True)
    api.upload_folder(repo_id=space, repo_type="space", folder_path=FOLDER, allow_patterns=FILES)
    return str(address)


def main() -> None:
    """Read the options, then deploy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--space", required=True, help="USER/NAME")
    parser.add_argument("--dry-run", action="store_true", help="print the files only")
    options = parser.parse_args()
    if options.dry_run:
        files = {name: (FOLDER / name).read_text(encoding="utf-8") for name in FILES}
        sys.stdout.write(f"{json.dumps(files, indent=2, ensure_ascii=False)}\n")
    else:
        sys.stdout.write(f"{deploy(options.space)}\n")


if __name__ == "__main__":
    main()
