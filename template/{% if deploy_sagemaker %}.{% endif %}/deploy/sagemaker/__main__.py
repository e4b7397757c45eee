"""The entry point of the image: SageMaker passes `train` or `serve`."""

import sys

from .. import serve

if sys.argv[1:] == ["train"]:
    from . import train  # the image of the API has no training library

    train.main()
else:
    serve.main()
