"""The API: it answers raw instances from the bundle alone, in the forms that platforms ask for."""

import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from logging.handlers import RotatingFileHandler
from typing import Any, get_type_hints

import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from prometheus_client import Histogram, generate_latest
from pydantic import TypeAdapter, ValidationError

from .bundle import Predictor
from .locate import load_predictor
from .prepare import Instance
from .protocol import INPUTS, Body, Tensors, as_tensors, from_csv
from .settings import COMMAND, PREFIX, UserError

LARGEST, SMALL = 6_000_000, 20_000  # bytes of a body: at most, and so few that nobody waits for it
SECONDS = Histogram("request_seconds", "Time to answer instances, by status.", ["status"])
JSON, CSV = "application/json", "text/csv"
UNREADY: dict[int | str, Any] = {503: {"description": "There is no model; `detail` says why."}}
REFUSED = UNREADY | {
    413: {"description": f"The body has more than {LARGEST:,} bytes."},
    415: {"description": "The body is of another type, or compressed."},
    422: {"description": "The body is no request; `detail` says where and why."},
}
UNKNOWN: dict[int | str, Any] = {404: {"description": "There is no such model or version."}}
OR_CSV = {"requestBody": {"content": {CSV: {"schema": {"type": "string"}}}}}
to_json = TypeAdapter(dict[str, Any]).dump_json
log = logging.getLogger(f"{__package__}.requests")


class Asked(APIRoute):
    """Described by FastAPI, but read here: it knows no CSV, and takes longer than a model."""

    def get_route_handler(self) -> Any:
        form = get_type_hints(self.endpoint)["asked"]

        async def handle(request: Request) -> Response:
            started, status = time.perf_counter(), 500
            try:
                said = await respond(request, form, partial(self.endpoint, **request.path_params))
                status = 200
            except HTTPException as error:
                status = error.status_code
                raise
            finally:
                SECONDS.labels(status).observe(time.perf_counter() - started)
            return Response(to_json(said), media_type=JSON)

        return handle


async def respond(request: Request, form: Any, endpoint: Any) -> Any:
    """What the endpoint says to a body in this form; all that can be wrong has a status."""
    kind = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    plain = request.headers.get("content-encoding", "identity") == "identity"
    if not plain or (kind, form) not in ((JSON, form), (CSV, Body)):
        raise HTTPException(415, f"Send {JSON}, or to /invocations {CSV}, not compressed.")
    raw = await read(request)

    def work() -> Any:
        asked = from_csv(raw.decode()) if kind == CSV else form.model_validate_json(raw)
        return endpoint(asked)

    try:
        return work() if len(raw) <= SMALL else await run_in_threadpool(work)
    except ValidationError as error:
        told = error.errors(include_input=False, include_context=False, include_url=False)
        problems = [{**item, "msg": item["msg"].removeprefix(PREFIX)} for item in told]
        raise HTTPException(422, problems) from error
    except (UserError, ValueError) as error:
        problem = {"loc": ["body"], "msg": str(error), "type": "value_error"}
        raise HTTPException(422, [problem]) from error


async def read(request: Request) -> bytearray:
    """The body; of a client that is gone, what has come of it, which is no request."""
    raw, more = bytearray(), True
    while more:
        message = await request.receive()
        raw += message.get("body", b"")
        more = message.get("more_body", False)
        if len(raw) > LARGEST:
            raise HTTPException(413, f"Send at most {LARGEST:,} bytes at once.")
    return raw


class Api(FastAPI):
    """The API for a bundle, which is loaded while the port is bound."""

    def __init__(self, bundle: str = "") -> None:
        super().__init__(title=COMMAND)
        self.pool, self.load = ThreadPoolExecutor(1), partial(load_predictor, bundle)
        self.loading, self.tried = self.pool.submit(self.load), time.monotonic()
        ask = partial(self.router.add_api_route, methods=["POST"], route_class_override=Asked)
        for path in sorted({"/invocations", os.environ.get("AIP_PREDICT_ROUTE") or "/invocations"}):
            ask(path, self.invocations, responses=REFUSED, openapi_extra=OR_CSV)
        for path in sorted({"/ping", "/health", os.environ.get("AIP_HEALTH_ROUTE") or "/ping"}):
            self.get(path, responses=UNREADY)(self.health)
        self.post("/ping", responses=UNREADY)(self.health)
        self.get("/v2")(self.server)
        self.get("/v2/health/live")(self.live)
        self.get("/v2/health/ready", responses=UNREADY)(self.health)
        for path in ("/v2/models/{name}", "/v2/models/{name}/versions/{version}"):
            self.get(path, responses=UNKNOWN | UNREADY)(self.model)
            self.get(f"{path}/ready", responses=UNKNOWN | UNREADY)(self.model)
            ask(f"{path}/infer", self.infer, responses=UNKNOWN | REFUSED)
        self.get("/metrics")(self.metrics)

    def ready(self) -> Predictor:
        if not self.loading.done():
            raise HTTPException(503, "The model is being loaded.")
        try:
            return self.loading.result()
        except Exception as error:  # whatever it is: nothing is served, and the reason is told
            # Tried again, because a registry or a mount may get its model later.
            if time.monotonic() > self.tried + 5:
                self.loading, self.tried = self.pool.submit(self.load), time.monotonic()
            raise HTTPException(503, str(error)) from error

    def known(self, name: str, version: str) -> Predictor:
        predictor = self.ready()
        if name != COMMAND or version not in ("", predictor.version):
            raise HTTPException(404, f"There is only {COMMAND}, version {predictor.version}.")
        return predictor

    async def health(self) -> dict[str, str]:
        """200 when the model is loaded, with the run that trained it."""
        return {"status": "ok", "run_id": self.ready().version}

    def invocations(self, asked: Body) -> dict[str, Any]:
        """One prediction an instance, in the same order."""
        return {"predictions": logged(self.ready(), asked.rows())}

    def infer(self, asked: Tensors, name: str, version: str = "") -> dict[str, Any]:
        """The same in the Open Inference Protocol."""
        predictor = self.known(name, version)
        about = {"model_name": name, "model_version": predictor.version, "id": asked.id}
        return {**about, "outputs": as_tensors(logged(predictor, asked.rows()))}

    async def model(self, name: str, version: str = "") -> dict[str, Any]:
        """The fields of an instance and of an answer."""
        predictor = self.known(name, version)
        outputs = [{**item, "shape": [-1]} for item in as_tensors([predictor.meta["answer"]])]
        about = {"versions": [predictor.version], "platform": "onnxruntime_onnx"}
        return {"name": name, **about, "inputs": INPUTS, "outputs": outputs}

    async def server(self) -> dict[str, Any]:
        return {"name": COMMAND, "version": "2", "extensions": []}

    async def live(self) -> dict[str, bool]:
        return {"live": True}

    async def metrics(self) -> Response:
        """For Prometheus."""
        return Response(generate_latest(), media_type="text/plain")


def logged(predictor: Predictor, instances: list[Instance]) -> list[dict[str, Any]]:
    """The answers, which `monitor` can read later if requests are kept."""
    answers = predictor.answer(instances)
    if log.handlers:
        about = {"time": time.time(), "run_id": predictor.version}
        log.info(to_json({**about, "instances": instances, "predictions": answers}).decode())
    return answers


def keep_requests() -> None:
    """With REQUEST_LOG, a file, requests and answers are kept there for `monitor`: the latest."""
    path, size = os.environ.get("REQUEST_LOG"), os.environ.get("REQUEST_LOG_BYTES") or "10000000"
    if path and not log.handlers:
        try:
            handler = RotatingFileHandler(path, maxBytes=int(size) // 2, backupCount=1)
        except (OSError, ValueError) as error:
            raise UserError(f"REQUEST_LOG={path}, REQUEST_LOG_BYTES={size}: {error}.", 2) from error
        log.addHandler(handler)
        log.setLevel(logging.INFO)
        log.propagate = False


def serve(bundle: str, host: str, port: int) -> None:
    """Until SIGTERM; what was asked before is answered."""
    keep_requests()
    options: dict[str, Any] = {"access_log": False, "timeout_graceful_shutdown": 30}
    uvicorn.run(Api(bundle), host=host, port=port, log_level="warning", **options)
