"""The API: it answers raw instances from the bundle alone, in the forms that platforms ask for."""

import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from logging.handlers import RotatingFileHandler
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from prometheus_client import Histogram, generate_latest
from pydantic import TypeAdapter, ValidationError
from pydantic.json_schema import models_json_schema

from .bundle import Predictor
from .locate import locate
from .protocol import INPUTS, Body, Tensors, as_tensors, from_csv
from .settings import COMMAND, PREFIX, UserError

LARGEST, SMALL = 6_000_000, 20_000  # bytes of a body: at most, and so few that nobody waits for it
SECONDS = Histogram("request_seconds", "Time to answer, by status.", ["status"])
JSON, CSV = "application/json", "text/csv"
UNREADY: dict[int | str, Any] = {503: {"description": "There is no model; `detail` says why."}}
REFUSED: dict[int | str, Any] = {
    413: {"description": f"The body has more than {LARGEST:,} bytes."},
    415: {"description": "The body is of another type, or compressed."},
    422: {"description": "The body is no request; `detail` says where and why."},
}
UNKNOWN: dict[int | str, Any] = {404: {"description": "There is no such model or version."}}
to_json = TypeAdapter(dict[str, Any]).dump_json
log = logging.getLogger(f"{__package__}.requests")


class Meter:
    """Times each answer; as plain ASGI, because Starlette's own way costs more than a model."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        started = time.perf_counter()

        async def metered(message: Any) -> None:
            if message["type"] == "http.response.start":
                SECONDS.labels(message["status"]).observe(time.perf_counter() - started)
            await send(message)

        await self.app(scope, receive, metered)


class Api(FastAPI):
    """The API for a bundle, which is loaded while the port is bound."""

    def __init__(self, bundle: str = "") -> None:
        super().__init__(title=COMMAND, max_body_size=LARGEST)
        self.pool, self.load = ThreadPoolExecutor(1), lambda: Predictor(locate(bundle))
        self.loading, self.tried = self.pool.submit(self.load), time.monotonic()
        self.add_middleware(Meter)
        for path in sorted({"/ping", "/health", os.environ.get("AIP_HEALTH_ROUTE") or "/ping"}):
            self.get(path, responses=UNREADY)(self.health)
        self.post("/ping", responses=UNREADY)(self.health)
        takes: dict[str, Any] = {"responses": REFUSED | UNREADY, "openapi_extra": body("Body", CSV)}
        for path in sorted({"/invocations", os.environ.get("AIP_PREDICT_ROUTE") or "/invocations"}):
            self.post(path, **takes)(self.invocations)
        self.get("/v2")(self.server)
        self.get("/v2/health/live")(self.live)
        self.get("/v2/health/ready", responses=UNREADY)(self.health)
        takes = {"responses": UNKNOWN | REFUSED | UNREADY, "openapi_extra": body("Tensors")}
        for path in ("/v2/models/{name}", "/v2/models/{name}/versions/{version}"):
            self.get(path, responses=UNKNOWN | UNREADY)(self.model)
            self.get(f"{path}/ready", responses=UNKNOWN | UNREADY)(self.model)
            self.post(f"{path}/infer", **takes)(self.infer)
        self.get("/metrics")(self.metrics)

    def openapi(self) -> dict[str, Any]:
        """With the bodies, which FastAPI does not know: they are read here, for CSV and speed."""
        described, template = super().openapi(), "#/components/schemas/{model}"
        forms: Any = [(Body, "validation"), (Tensors, "validation")]
        schemas = models_json_schema(forms, ref_template=template)[1]["$defs"]
        described.setdefault("components", {}).setdefault("schemas", {}).update(schemas)
        return described

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

    async def invocations(self, request: Request) -> Response:
        """One prediction an instance, in the same order."""
        _, answers = await answer(request, self.ready(), Body)
        return Response(to_json({"predictions": answers}), media_type=JSON)

    async def infer(self, request: Request, name: str, version: str = "") -> Response:
        """The same in the Open Inference Protocol."""
        predictor = self.known(name, version)
        asked, answers = await answer(request, predictor, Tensors)
        about = {"model_name": name, "model_version": predictor.version, "id": asked.id}
        return Response(to_json({**about, "outputs": as_tensors(answers)}), media_type=JSON)

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


def body(form: str, *others: str) -> dict[str, Any]:
    """The body of a request, as OpenAPI describes it."""
    content: dict[str, Any] = {JSON: {"schema": {"$ref": f"#/components/schemas/{form}"}}}
    content |= {kind: {"schema": {"type": "string"}} for kind in others}
    return {"requestBody": {"required": True, "content": content}}


async def answer(request: Request, predictor: Predictor, form: Any) -> tuple[Any, list[Any]]:
    """What was asked in this form, and the answers; all that can be wrong has a status."""
    kind = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    plain = request.headers.get("content-encoding", "identity") == "identity"
    if not plain or (kind, form) not in ((JSON, form), (CSV, Body)):
        raise HTTPException(415, f"Send {JSON}, or to /invocations {CSV}, not compressed.")
    raw = await request.body()

    def work() -> tuple[Any, list[Any]]:
        csv = kind == CSV
        asked = Body(instances=from_csv(raw.decode())) if csv else form.model_validate_json(raw)
        rows = asked.rows()
        answers = predictor.answer(rows)
        if log.handlers:
            about = {"time": time.time(), "run_id": predictor.version}
            log.info(to_json({**about, "instances": rows, "predictions": answers}).decode())
        return asked, answers

    try:
        return work() if len(raw) <= SMALL else await run_in_threadpool(work)
    except ValidationError as error:
        told = error.errors(include_input=False, include_context=False, include_url=False)
        problems = [{**item, "msg": item["msg"].removeprefix(PREFIX)} for item in told]
        raise HTTPException(422, problems) from error
    except (UserError, ValueError) as error:
        problem = {"loc": ["body"], "msg": str(error), "type": "value_error"}
        raise HTTPException(422, [problem]) from error


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
    options: dict[str, Any] = {"log_level": "warning", "timeout_graceful_shutdown": 30}
    uvicorn.run(Api(bundle), host=host, port=port, **options)
