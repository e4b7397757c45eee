"""The API: it answers raw instances from the bundle alone."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from .bundle import Predictor
from .inputs import Raw
from .prepare import Instance
from .settings import PREFIX, UserError

UNREADY: dict[int | str, Any] = {503: {"description": "There is no model; `detail` says why."}}


class Body(Raw):
    instances: list[Instance]


def create_app(bundle: Path) -> FastAPI:
    """The API for a bundle, which is loaded while the port is bound."""
    loading = ThreadPoolExecutor().submit(Predictor, bundle)

    def ready() -> Predictor:
        if not loading.done():
            raise HTTPException(503, "The model is being loaded.")
        try:
            return loading.result()
        except UserError as error:
            raise HTTPException(503, str(error)) from error

    app = FastAPI(title=str(__package__))

    @app.get("/ping", responses=UNREADY)
    @app.get("/health", responses=UNREADY)
    def health() -> dict[str, str]:
        """200 when the model is loaded, with the run that trained it."""
        return {"status": "ok", "run_id": ready().meta["run"]["mlflow_run_id"]}

    @app.post("/invocations", responses=UNREADY)
    def invocations(body: Body) -> dict[str, list[dict[str, Any]]]:
        """One prediction an instance, in the same order."""
        try:
            return {"predictions": ready().answer(body.instances)}
        except UserError as error:
            problem = {"loc": ("body", "instances"), "msg": str(error), "type": "value_error"}
            raise RequestValidationError([problem]) from error

    @app.exception_handler(RequestValidationError)
    def refuse(_: Request, error: RequestValidationError) -> JSONResponse:
        # FastAPI would repeat the input, and fail when that is NaN.
        detail = [
            {"loc": item["loc"], "msg": item["msg"].removeprefix(PREFIX), "type": item["type"]}
            for item in error.errors()
        ]
        return JSONResponse({"detail": detail}, status_code=422)

    return app


def serve(bundle: Path, host: str, port: int) -> None:
    uvicorn.run(create_app(bundle), host=host, port=port, log_level="warning")
