"""What schemathesis may not send: a URL that is too long is answered with 414, which it does not
count as a refusal."""

from urllib.parse import urlencode

import schemathesis

URL_MAX = 30_000


@schemathesis.hook
def filter_case(context, case):
    return len(urlencode(case.query or {}, doseq=True)) < URL_MAX
