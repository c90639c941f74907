"""Makes of what schemathesis generates what a merchant or a store chain of the sandbox would send.

Requests are signed with the sandbox's keys, and half of them are about a payment that is there. Without this nothing
would come past the door, and only the door would be tested. One request in eight goes as it was generated, so that the
door is tested too.
"""

import base64
import hashlib
import hmac
import itertools
import json
import re
from datetime import datetime, timezone
from urllib.parse import urljoin, urlsplit

import requests
import schemathesis

# What the sandbox's documentation prints for everybody.
MERCHANT, MERCHANT_KEY = "GERAITEST1", "gerai-sandbox-key"
BRANDS = {"ALMA": "ALFAMART", "INDO": "INDOMARET"}
KNOWN_BRANDS = ["ALFAMART", "ALFAMIDI", "DANDAN", "LAWSON", "INDOMARET"]
PARTNER_SECRETS = {"ALMA": "alma-sandbox-secret", "INDO": "indo-sandbox-secret"}

REGISTRATION = "/nicepay/direct/v2/registration"
TOKEN_OVER = {"/nicepay/direct/v2/cancel": ("timeStamp", "iMid", "tXid", "amt")}
TOKEN_OVER_ELSEWHERE = ("timeStamp", "iMid", "referenceNo", "amt")

numbers = itertools.count(1)
# The references that have been sent: a generated one comes again and again, and would be refused each time.
references = set()
# The payment that was taken last, for a commit or a reversal to go on with.
taken = {}


@schemathesis.hook
def after_call(context, case, response):
    if case.path == "/store/v1/payment" and response.status_code == 200:
        taken.update(response.json())


class Signed(requests.auth.AuthBase):
    def __call__(self, request):
        body = request.body or b""
        body = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
        chance = hashlib.sha256(body + request.url.encode()).digest()[0]
        if chance % 8 == 0:
            return request
        is_real = chance % 2 == 0
        path = urlsplit(request.url).path
        if path.startswith("/nicepay/"):
            as_merchant(request, path, body, is_real)
        elif path.startswith("/store/"):
            as_store(request, path, body, is_real)
        elif is_real and "/payments/" in path:
            payment = register(request)
            request.url = re.sub(r"/payments/[^/]+/", f"/payments/{payment['payNo']}/", request.url)
        return request


def token(path, fields):
    values = (fields.get(name) for name in TOKEN_OVER.get(path, TOKEN_OVER_ELSEWHERE))
    text = "".join(value for value in values if isinstance(value, str)) + MERCHANT_KEY
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def register(request):
    """Registers a payment of its own at the same gateway, and gives the answer."""
    number = next(numbers)
    fields = {
        "timeStamp": "20260105093000", "iMid": MERCHANT, "payMethod": "03", "currency": "IDR", "amt": "10000",
        "referenceNo": f"REAL{number}", "goodsNm": "Kopi", "billingNm": "Siti Aminah", "billingPhone": "0812",
        "billingEmail": "siti@example.com", "billingAddr": "Jalan Merdeka 1", "billingCity": "Jakarta",
        "billingState": "DKI Jakarta", "billingPostCd": "10110", "billingCountry": "Indonesia",
        "mitraCd": "ALMA" if number % 2 else "INDO", "dbProcessUrl": "http://127.0.0.1:9/nobody-listens",
    }
    fields["merchantToken"] = token(REGISTRATION, fields)
    answer = requests.post(urljoin(request.url, REGISTRATION), json=fields, timeout=10).json()
    assert answer["resultCd"] == "0000", answer
    return answer


def fields_of(body):
    try:
        fields = json.loads(body)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) else None


def put(fields, values, names):
    """Puts these values in where something stands that could be right: what was made wrong stays wrong."""
    for name in names:
        text = fields.get(name)
        if isinstance(text, str) and 0 < len(text) <= 20 and text.isprintable() and name in values:
            fields[name] = values[name]


def as_merchant(request, path, body, is_real):
    fields = fields_of(body)
    if fields is None or not all(name in fields for name in ("iMid", "merchantToken")):
        return
    fields["iMid"] = MERCHANT
    if not path.endswith("/registration"):
        if is_real:
            fields.update({name: value for name, value in register(request).items() if name in ("tXid", "referenceNo", "amt")})
    elif isinstance(fields.get("referenceNo"), str):
        if fields["referenceNo"] in references:
            fields["referenceNo"] = f"ORD{next(numbers)}"
        references.add(fields["referenceNo"])
    fields["merchantToken"] = token(path, fields)
    request.prepare_body(json.dumps(fields).encode(), None)


def as_store(request, path, body, is_real):
    partner = request.headers.get("X-PARTNER-ID")
    partner = partner.decode() if isinstance(partner, bytes) else partner
    # What was left out is left out.
    if "X-SIGNATURE" not in request.headers:
        return
    timestamp = request.headers.get("X-TIMESTAMP")
    timestamp = timestamp.decode("latin-1") if isinstance(timestamp, bytes) else timestamp
    if partner not in PARTNER_SECRETS or not re.match(r"[12]\d{3}-\d{2}-\d{2}T", timestamp or ""):
        return
    fields = fields_of(body)
    if is_real and fields is not None:
        if path in ("/store/v1/inquiry", "/store/v1/payment"):
            payment = register(request)
            partner = payment["mitraCd"]
            request.headers["X-PARTNER-ID"] = partner
            put(fields, payment, ("payNo",))
            if fields.get("storeBrand") in KNOWN_BRANDS:
                fields["storeBrand"] = BRANDS[partner]
            if isinstance(fields.get("amount"), dict):
                put(fields["amount"], {"value": payment["amt"]}, ("value",))
        else:
            put(fields, taken, ("payNo", "traceNo"))
        body = json.dumps(fields).encode()
        request.prepare_body(body, None)
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    signed = f"POST:{path}::{hashlib.sha256(body).hexdigest()}:{now}"
    mac = hmac.new(PARTNER_SECRETS[partner].encode(), signed.encode(), hashlib.sha512)
    request.headers["X-TIMESTAMP"] = now
    request.headers["X-SIGNATURE"] = base64.b64encode(mac.digest()).decode()


schemathesis.auth.set_from_requests(Signed())
