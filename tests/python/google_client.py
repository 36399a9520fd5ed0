"""Uses the client that Google's own generator made of the protos: pages, names, signatures.

Arguments: the address of a server, and the key of an editor of agencies/bo-cong-an.
"""

import sys

import grpc
from google.api_core.exceptions import Unauthenticated
from google.rpc.error_details_pb2 import LocalizedMessage
from ndp.registry_v1 import CatalogueServiceClient, Plan, PlanServiceClient
from ndp.registry_v1.services.catalogue_service.transports import CatalogueServiceGrpcTransport
from ndp.registry_v1.services.plan_service.transports import PlanServiceGrpcTransport

address, key = sys.argv[1:]
# every registry has its own host, so the protos name none
where = {"host": address, "channel": grpc.insecure_channel(address)}
catalogue = CatalogueServiceClient(transport=CatalogueServiceGrpcTransport(**where))
plans = PlanServiceClient(transport=PlanServiceGrpcTransport(**where))
editor = [("authorization", f"Bearer {key}")]

names = [platform.name for platform in catalogue.list_platforms({"page_size": 25})]
print(f"platforms: {len(names)}, {names[0]} to {names[-1]}")

platform = catalogue.get_platform(name=catalogue.platform_path("ndp-001"))
print(f"platform: {platform.display_name}, of {platform.governing_agency}")

created = plans.create_plan(
    parent=platform.name,
    plan=Plan(display_name="Kế hoạch thử nghiệm (synthetic)"),
    plan_id="google",
    metadata=editor,
)
assert created.name == plans.plan_path("ndp-001", "google")
submitted = plans.submit_plan(name=created.name, etag=created.etag, metadata=editor)
print(f"plan: {submitted.name} is {submitted.state.name}")

try:
    plans.submit_plan(name=created.name, etag=created.etag)
except Unauthenticated as error:
    [localized] = [it for it in error.details if isinstance(it, LocalizedMessage)]
    print(f"error: {error.reason} {localized.message}")
