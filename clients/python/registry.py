"""What a client of the NDP Registry does: list, draft and submit, watch, read errors."""

import json
import logging
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from checkpoint import PublicKey, Tree, newest_checkpoint, prove_change
from ndp.registry.v1 import (
    catalogue_service_pb2,
    catalogue_service_pb2_grpc,
    change_service_pb2,
    change_service_pb2_grpc,
    changes_pb2,
    plan_service_pb2,
    plan_service_pb2_grpc,
    plans_pb2,
    platforms_pb2,
)

# The channel waits for a server that restarts, and tries a call again whose answer was lost. A
# write needs a request id for that.
SERVICE_CONFIG = {
    "methodConfig": [
        {
            "name": [{"service": "ndp.registry.v1.ChangeService", "method": "WatchChanges"}],
            "waitForReady": True,
        },
        {
            "name": [{}],
            "waitForReady": True,
            "timeout": "30s",
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.2s",
                "maxBackoff": "5s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        },
    ]
}

# How long a registry may take to answer for the first time. A channel that has been open waits
# longer: for a server that restarts.
CONNECT_SECONDS = 10


class Registry:
    """A registry at a URL, called with an API key or, without one, as the public."""

    def __init__(self, server: str, key: str | None = None) -> None:
        url = urlsplit(server)
        options = [
            ("grpc.service_config", json.dumps(SERVICE_CONFIG)),
            ("grpc.keepalive_time_ms", 30_000),
            # a server that is back is tried again soon
            ("grpc.max_reconnect_backoff_ms", 10_000),
        ]
        if url.scheme == "https":
            credentials = tls_credentials()
            self._channel = grpc.secure_channel(url.netloc, credentials, options)
        elif url.scheme == "http":
            self._channel = grpc.insecure_channel(url.netloc, options)
        else:
            raise ValueError(
                f"NDP_SERVER is {server!r}; set it to a URL that begins with http:// or https://, "
                "for example http://127.0.0.1:50051"
            )
        self._server = server
        self._metadata = [("authorization", f"Bearer {key}")] if key else []
        self._catalogue = catalogue_service_pb2_grpc.CatalogueServiceStub(self._channel)
        self._plans = plan_service_pb2_grpc.PlanServiceStub(self._channel)
        self._changes = change_service_pb2_grpc.ChangeServiceStub(self._channel)

    def __enter__(self) -> "Registry":
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def connect(self) -> None:
        """Waits for the registry, or says which one does not answer and what to do."""
        try:
            grpc.channel_ready_future(self._channel).result(CONNECT_SECONDS)
        except grpc.FutureTimeoutError:
            raise ConnectionError(
                f"no registry answers at {self._server}; start one with `ndp-registry serve`, "
                "or set NDP_SERVER to the URL of a registry that is running"
            ) from None

    def platforms(self) -> Iterator[platforms_pb2.Platform]:
        """The whole catalogue, page by page."""
        request = catalogue_service_pb2.ListPlatformsRequest()
        while True:
            page = self._catalogue.ListPlatforms(request, metadata=self._metadata)
            yield from page.platforms
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def submit_new_plan(self, platform: str, plan_id: str, title: str) -> plans_pb2.Plan:
        """Drafts a plan and hands it in.

        The request ids make it safe that the channel tries again when an answer was lost: what
        was done is answered, not done twice.
        """
        draft = self._plans.CreatePlan(
            plan_service_pb2.CreatePlanRequest(
                parent=platform,
                plan_id=plan_id,
                plan=plans_pb2.Plan(display_name=title),
                request_id=str(uuid.uuid4()),
            ),
            metadata=self._metadata,
        )
        return self._plans.SubmitPlan(
            plan_service_pb2.SubmitPlanRequest(
                name=draft.name, etag=draft.etag, request_id=str(uuid.uuid4())
            ),
            metadata=self._metadata,
        )

    def verify(self, file: Path, public_key: str, change: str | None) -> Tree:
        """Verifies that the log continues the checkpoint kept in a file, and has a change."""
        tree = newest_checkpoint(self._changes, file, PublicKey(public_key))
        if change:
            prove_change(self._changes, change, tree)
        return tree

    def watch(self, after: str = "") -> Iterator[tuple[changes_pb2.Change, str]]:
        """Every change after a position of the log, each once and in order, without end.

        Each comes with its own position; without a position, every change there is. When the
        server goes away it resumes after the last position received; keep that one to resume
        later. A registry that was restored from a backup, or failed over, may lack changes that
        were handed on: then it ends with the reason LOG_DIVERGED. What was made of the changes has
        to be made anew, from a watch without a position.
        """
        while True:
            request = change_service_pb2.WatchChangesRequest(
                start=change_service_pb2.WatchChangesRequest.BEGINNING
            )
            if after:
                request.start = change_service_pb2.WatchChangesRequest.RESUME
                request.resume_position = after
            try:
                for message in self._changes.WatchChanges(request, metadata=self._metadata):
                    after = message.position
                    if message.HasField("change"):
                        yield message.change, after
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
                logging.info("resuming after position %r: %s", after, error.details())
                time.sleep(1)


def tls_credentials() -> grpc.ChannelCredentials:
    """What to trust, and what to show to a registry that asks for it.

    Trusts the certificates in the file that NDP_CA names, or else those that come with grpcio.
    NDP_CERTIFICATE and NDP_CERTIFICATE_KEY name the files of the client's own certificate.
    """

    def contents(variable: str) -> bytes | None:
        path = os.environ.get(variable)
        return Path(path).read_bytes() if path else None

    return grpc.ssl_channel_credentials(
        contents("NDP_CA"), contents("NDP_CERTIFICATE_KEY"), contents("NDP_CERTIFICATE")
    )


def describe(error: grpc.RpcError) -> str:
    """All that an error says.

    Its code and stable reason, the message for developers in English and for users in Vietnamese,
    and each field to mend.
    """
    reason = ""
    lines = []
    status = rpc_status.from_call(error)
    for detail in status.details if status else []:
        info = error_details_pb2.ErrorInfo()
        localized = error_details_pb2.LocalizedMessage()
        request = error_details_pb2.BadRequest()
        if detail.Unpack(info):
            reason = info.reason
        elif detail.Unpack(localized):
            lines.append(f"{localized.locale}: {localized.message}")
        elif detail.Unpack(request):
            lines += [
                f"field {it.field}: {it.localized_message.message}"
                for it in request.field_violations
            ]
    return "\n".join([f"error: {error.code().name} {reason}: {error.details()}", *lines])
