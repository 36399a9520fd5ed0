"""Uses the client that openapi-python-client made of the document, as a program of a ministry would.

Arguments: the address of a server, and the key of an editor of agencies/bo-cong-an.
"""

import sys

from ndp_registry_client import AuthenticatedClient, Client
from ndp_registry_client.api.catalogue_service import get_platform, list_platforms
from ndp_registry_client.api.plan_service import create_plan, submit_plan
from ndp_registry_client.models import (
    GoogleRpcStatus,
    Plan,
    PlanState,
    PlatformVerification,
    SubmitPlanBody,
)

address, key = sys.argv[1:]
anyone = Client(base_url=address)
editor = AuthenticatedClient(base_url=address, token=key)


def vietnamese(error: GoogleRpcStatus) -> str:
    texts = [detail["message"] for detail in error.details if "locale" in detail.additional_properties]
    return texts[0]


names, token = [], ""
while True:
    page = list_platforms.sync(client=anyone, page_size=25, page_token=token)
    names += [platform.name for platform in page.platforms]
    token = page.next_page_token
    if not token:
        break
print(f"platforms: {len(names)}, {names[0]} to {names[-1]}")

platform = get_platform.sync("ndp-001", client=anyone)
assert platform.verification is PlatformVerification.FROM_PRESS
print(f"platform: {platform.display_name}, revision {platform.revision}, {platform.create_time.year}")

plan = Plan(display_name="Kế hoạch thử nghiệm (synthetic)")
request_id = "5d4a7f0e-3c2b-4a19-8f6e-0d1c2b3a4958"
created, again = (
    create_plan.sync("ndp-001", client=editor, body=plan, plan_id="generated", request_id=request_id)
    for _ in range(2)
)
assert created == again
submitted = submit_plan.sync(
    "ndp-001", "generated", client=editor, body=SubmitPlanBody(etag=created.etag)
)
assert submitted.state is PlanState.SUBMITTED
print(f"plan: {submitted.name} is {submitted.state.value}")

error = create_plan.sync("ndp-001", client=anyone, body=plan)
assert isinstance(error, GoogleRpcStatus)
print(f"error: {error.code} {vietnamese(error)}")
