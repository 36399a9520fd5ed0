"""What schemathesis may not send: a URL longer than HTTP libraries read is answered by the one
below the server, in its own words."""

from urllib.parse import urlencode

import schemathesis

URL_MAX = 60_000


@schemathesis.hook
def filter_case(context, case):
    return len(urlencode(case.query or {}, doseq=True)) < URL_MAX
