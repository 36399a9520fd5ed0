"""A client of the NDP Registry to copy and start from."""

import argparse
import base64
import logging
import os
import sys
from pathlib import Path

import grpc

from ndp.registry.v1 import plans_pb2
from registry import Registry, describe


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="NDP_SERVER is the registry's URL, by default http://127.0.0.1:50051; "
        "NDP_KEY an API key. For https://, NDP_CA is a file of certificates to trust; "
        "NDP_CERTIFICATE and NDP_CERTIFICATE_KEY are files of the client's own.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("platforms", help="list all platforms")
    plan = commands.add_parser("plan", help="draft a plan and submit it")
    plan.add_argument("platform")
    plan.add_argument("plan_id")
    plan.add_argument("title")
    watch = commands.add_parser("watch", help="follow the changes after a position")
    watch.add_argument("position", nargs="?", default="")
    verify = commands.add_parser(
        "verify", help="verify that the log continues the checkpoint kept in a file"
    )
    verify.add_argument("file", type=Path)
    verify.add_argument("public_key")
    verify.add_argument("change", nargs="?", help="a change that has to be in it")
    arguments = parser.parse_args()

    logging.basicConfig(level=logging.INFO)
    server = os.environ.get("NDP_SERVER", "http://127.0.0.1:50051")
    try:
        with Registry(server, os.environ.get("NDP_KEY")) as registry:
            registry.connect()
            run(registry, arguments)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except grpc.RpcError as error:
        print(describe(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


def run(registry: Registry, arguments: argparse.Namespace) -> None:
    if arguments.command == "platforms":
        for platform in registry.platforms():
            print(platform.name, platform.display_name)
    elif arguments.command == "plan":
        plan = registry.submit_new_plan(
            arguments.platform, arguments.plan_id, arguments.title
        )
        print(plan.name, plans_pb2.Plan.State.Name(plan.state))
    elif arguments.command == "verify":
        tree = registry.verify(arguments.file, arguments.public_key, arguments.change)
        if arguments.change:
            print(arguments.change)
        print(tree.size, base64.b64encode(tree.root).decode())
    else:
        for change, position in registry.watch(arguments.position):
            # the first effect is what the method answers; others follow from it
            print(position, change.method, change.effects[0].resource, flush=True)


if __name__ == "__main__":
    sys.exit(main())
