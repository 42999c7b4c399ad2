"""An identity provider of pysaml2, with a page where a person signs in.

usage: pysaml2.py DIR PORT RECIPIENT AUDIENCE ROLE_AND_PROVIDER, with idp.key and idp.crt in DIR."""
import html
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.authn_context import PASSWORD
from saml2.config import IdPConfig
from saml2.metadata import entity_descriptor
from saml2.saml import NAMEID_FORMAT_PERSISTENT, NAME_FORMAT_URI, NameID
from saml2.server import Server
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

directory, port, recipient, audience, role = sys.argv[1:]
base = f"http://127.0.0.1:{port}"
aws = "https://aws.amazon.com/SAML/Attributes/"
people = {"alice": "alicepass"}

os.makedirs(f"{directory}/maps", exist_ok=True)
names = [aws + "Role", aws + "RoleSessionName"]
with open(f"{directory}/maps/aws.py", "w") as f:
    f.write(f"MAP = {{'identifier': {NAME_FORMAT_URI!r}, 'fro': {dict(zip(names, names))!r}, 'to': {dict(zip(names, names))!r}}}\n")
with open(f"{directory}/sp.xml", "w") as f:
    f.write(f"""<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{audience}">
<md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
<md:AssertionConsumerService Binding="{BINDING_HTTP_POST}" Location="{recipient}" index="0"/>
</md:SPSSODescriptor></md:EntityDescriptor>""")
config = IdPConfig().load({
    "entityid": base + "/idp",
    "service": {"idp": {"endpoints": {"single_sign_on_service": [(base + "/sso", BINDING_HTTP_REDIRECT)]}}},
    "key_file": f"{directory}/idp.key", "cert_file": f"{directory}/idp.crt", "xmlsec_binary": "/usr/bin/xmlsec1",
    "metadata": {"local": [f"{directory}/sp.xml"]}, "attribute_map_dir": f"{directory}/maps",
})
idp = Server(config=config)


class Pages(BaseHTTPRequestHandler):
    def page(self, text, kind="text/html", status=200):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self):
        url = urlsplit(self.path)
        if url.path == "/metadata":
            return self.page(str(entity_descriptor(config)), "application/samlmetadata+xml")
        request = html.escape(parse_qs(url.query)["SAMLRequest"][0])
        self.page(f'<form method="post" action="/sso"><input type="hidden" name="SAMLRequest" value="{request}">'
                  '<input name="username"><input name="password" type="password"></form>')

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        who = form["username"][0]
        if people.get(who) != form["password"][0]:
            return self.page("wrong password", status=403)
        asked = idp.parse_authn_request(form["SAMLRequest"][0], BINDING_HTTP_REDIRECT).message
        response = idp.create_authn_response(
            {names[0]: [role], names[1]: [who]}, userid=who, in_response_to=asked.id, destination=recipient, sp_entity_id=asked.issuer.text,
            name_id=NameID(format=NAMEID_FORMAT_PERSISTENT, text=who), authn={"class_ref": PASSWORD, "authn_auth": base},
            sign_assertion=True, sign_response=True, sign_alg=SIG_RSA_SHA256, digest_alg=DIGEST_SHA256)
        bindings = idp.apply_binding(BINDING_HTTP_POST, str(response), recipient, response=True)
        self.page(bindings["data"])

    def log_message(self, *args):
        pass


server = HTTPServer(("127.0.0.1", int(port)), Pages)
print("started", file=sys.stderr, flush=True)
server.serve_forever()
