"""A walk through every page and state of the pages for people, in a real browser: what looks at each page takes the walk along."""

from __future__ import annotations

import base64
import hmac
import re
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.sync_api import Page

from tests.web.site.browser import Visitor
from tests.web.site.handing_over import enrol_kept, signed, token
from tests.web.site.kit import SiteServed, client_address
from tests.web.site.rendered import pages

PASSWORD = "correct horse battery staple"
OTHER_PASSWORD = "purple lamp under seven chairs"
NO_PAGE = {
    "language": "takes a form and leads back",
    "appearance": "takes a form and leads back",
    "mfa_login_webauthn": "answers a script, and leads on",
    "mfa_download_recovery_codes": "a file",
    "account_request_reauthentication_code": "proves by mail, which these settings do not take",
    "account_confirm_reauthentication_code": "proves by mail, which these settings do not take",
    "mfa_edit_webauthn": "closed: passkeys are named in their list",
    "mfa_remove_webauthn": "closed: passkeys are removed in their list",
    "": "closed, as the two before",
    "accounts_recovery_stop": "takes a form and leads back",
    "mfa_trust": "these settings do not trust browsers",
}
"""Named addresses that show no page of their own, and why."""


@dataclass
class Walk:
    """One person, who looks at each page as ``look(name, page)`` does. A name is that of the address, then ``.`` and the state."""

    served: SiteServed
    visitor: Visitor
    look: Callable[[str, Page], None]
    seen: list[str] = field(default_factory=list)
    family: str = "ruiz"
    """In the addresses, so that two walks meet no account of each other."""

    @property
    def address(self) -> str:
        return f"ana.{self.family}@example.org"

    @property
    def page(self) -> Page:
        return self.visitor.page

    def go(self, path: str) -> None:
        self.page.goto(f"{self.served.origin}{path}")

    def see(self, name: str, state: str = "") -> None:
        """Look at the page that is open, which is that of the address."""
        self.page.wait_for_load_state()
        path = pages().addresses.get(name, "")
        here = self.page.url.removeprefix(self.served.origin).partition("?")[0]
        assert not path or "<pk>" in path or here == path, (name, here)
        full = f"{name}.{state}" if state else name
        self.seen.append(full)
        self.look(full, self.page)

    def visit(self, name: str, state: str = "") -> None:
        self.go(pages().addresses[name])
        self.see(name, state)

    def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            self.page.locator(f"main [name={name}]:not([type=hidden])").first.fill(value)

    def send(self, name: str) -> None:
        """Send the form that has a field of this name."""
        # Why waited for: a form with problems comes back at the same address.
        with self.page.expect_navigation():
            self.page.locator(f"main form:has([name={name}]:not([type=hidden])) [type=submit]").first.click()

    def everything(self) -> None:
        self.from_outside()
        self.sign_up()
        self.with_a_password()
        self.second_steps()
        self.with_a_passkey()
        self.log_in_again()
        self.forgotten()
        self.by_passkey()
        self.new_device()
        self.lost_everything()
        self.handed_over()
        self.interrupted()
        self.problems()

    def from_outside(self) -> None:
        self.visit("home")
        self.visit("account_login")
        self.fill(login="nobody.here@example.org", password="not the password of anyone")
        self.send("password")
        self.see("account_login", "problem")
        self.visit("account_signup_by_passkey")
        self.visit("account_reset_password")
        self.visit("account_signup")
        self.fill(email=self.address, password1="short")
        self.send("password1")
        self.see("account_signup", "problem")

    def sign_up(self) -> None:
        self.fill(email=self.address, password1=PASSWORD)
        self.send("password1")
        self.see("account_email_verification_sent")
        self.fill(code="AAA-AAA")
        self.send("code")
        self.see("account_email_verification_sent", "problem")
        self.fill(code=self.served.sink.code(self.address))
        self.send("code")
        self.page.wait_for_url("**/protect/")
        self.see("accounts_enrol")

    def with_a_password(self) -> None:
        self.visit("home", "password")
        self.visit("mfa_index", "none")
        self.visit("account_change_password")
        self.fill(oldpassword="not this one at all", password1="short", password2="longer")
        self.send("oldpassword")
        self.see("account_change_password", "problem")
        self.visit("account_email")
        self.visit("usersessions_list", "one")
        self.visit("account_logout")
        self.visit("account_reauthenticate")
        self.visit("mfa_list_webauthn", "none")

    def second_steps(self) -> None:
        self.visit("mfa_activate_totp")
        self.fill(code="000000")
        self.send("code")
        self.see("mfa_activate_totp", "problem")
        self.fill(code=one_time(self.page.locator("#authenticator_secret").inner_text().strip()))
        self.send("code")
        self.page.wait_for_url("**/recovery-codes/**")
        self.see("mfa_view_recovery_codes")
        self.visit("home", "code")
        self.visit("mfa_reauthenticate")
        self.visit("mfa_deactivate_totp")
        self.visit("mfa_generate_recovery_codes")
        self.visit("mfa_view_recovery_codes", "seen")

    def with_a_passkey(self) -> None:
        self.visitor.take_authenticator()
        self.visit("mfa_add_webauthn")
        self.page.locator("#mfa_webauthn_add").click()
        self.page.wait_for_url(lambda url: not url.endswith("/add/"))
        self.visit("mfa_list_webauthn")
        self.page.locator("main summary").nth(1).click()
        self.see("mfa_list_webauthn", "remove")
        self.visit("mfa_reauthenticate_webauthn")
        self.visit("mfa_index")
        self.visit("home", "passkey")

    def log_out(self) -> None:
        self.go(pages().addresses["account_logout"])
        self.page.locator("main form [type=submit]").first.click()
        self.page.wait_for_url(f"{self.served.origin}/")

    def log_in_again(self) -> None:
        self.log_out()
        self.see("home", "after")
        self.go(pages().addresses["account_login"])
        self.fill(login=self.address, password=PASSWORD)
        self.send("password")
        self.see("mfa_authenticate")
        self.fill(code="000000")
        self.send("code")
        self.see("mfa_authenticate", "problem")
        self.page.locator("#mfa_webauthn_authenticate").click()
        self.page.wait_for_url(f"{self.served.origin}/")
        self.log_out()

    def forgotten(self) -> None:
        mails = len(self.served.sink.to(self.address))
        self.go(pages().addresses["account_reset_password"])
        self.fill(email=self.address)
        self.send("email")
        self.see("account_confirm_password_reset_code")
        self.fill(code=self.served.sink.code(self.address, mails + 1))
        self.send("code")
        self.see("account_complete_password_reset")
        self.fill(password1=OTHER_PASSWORD, password2=OTHER_PASSWORD)
        self.send("password2")
        self.page.wait_for_load_state()
        self.visit("account_password_reset_completed")

    def by_passkey(self) -> None:
        address = f"leo.{self.family}@example.org"
        self.visitor.context.clear_cookies()
        self.go(pages().addresses["account_signup_by_passkey"])
        self.fill(email=address)
        self.send("email")
        self.fill(code=self.served.sink.code(address))
        self.send("code")
        self.see("mfa_signup_webauthn")
        self.page.locator("#mfa_webauthn_signup").click()
        self.page.wait_for_url(lambda url: "signup" not in url)
        self.visit("account_set_password")
        self.visit("accounts_close")

    def new_device(self) -> None:
        """Come with a password alone from a browser that was not here before."""
        address = f"mia.{self.family}@example.org"
        self.visitor.context.clear_cookies()
        self.go(pages().addresses["account_signup"])
        self.fill(email=address, password1=PASSWORD)
        self.send("password1")
        self.fill(code=self.served.sink.code(address))
        self.send("code")
        self.page.wait_for_url("**/protect/")
        self.go(pages().addresses["account_email"])
        self.fill(email=f"mia.{self.family}.new@example.org")
        self.send("email")
        self.see("account_email_verification_sent", "change")
        self.visitor.context.clear_cookies()
        self.go(pages().addresses["account_login"])
        self.fill(login=address, password=PASSWORD)
        self.send("password")
        self.see("account_confirm_login_code")
        mails = self.served.sink.count(address)
        self.fill(code=self.served.sink.code(address, mails))
        self.send("code")
        self.page.wait_for_url(f"{self.served.origin}/")
        self.visit("usersessions_list", "two")

    def lost_everything(self) -> None:
        """Recover the account of the walk, as a person who lost passkey, app and codes."""
        self.visitor.context.clear_cookies()
        self.visit("accounts_recovery")
        self.fill(email=self.address)
        self.send("email")
        self.see("accounts_recovery_code")
        self.fill(code=self.served.sink.kept_code(self.address))
        self.send("code")
        self.see("accounts_recovery_waits")
        body = self.served.sink.about(self.address, "A person wants to get back into your account").get_body(("plain",))
        assert body is not None
        link = re.search(r"http://\S+/recovery/stop/\S+", body.get_content())
        assert link is not None
        self.page.goto(link[0])
        self.see("accounts_recovery_stop_by_mail")
        with self.page.expect_navigation():
            self.page.locator("main form [type=submit]").first.click()
        self.see("accounts_recovery_stop_by_mail", "stopped")

    def handed_over(self) -> None:
        """Come from the company's app with a link, and confirm what it says."""
        address = f"ida.{self.family}@example.org"
        self.visitor.context.clear_cookies()
        # Why from elsewhere: so many accounts are not signed up from one place.
        self.visitor.context.set_extra_http_headers({"X-Forwarded-For": client_address()})
        self.visit("families_hand_over")
        self.fill(token="nothing of the kind")
        self.send("token")
        self.see("families_hand_over", "fault")
        self.go("/account/signup/")
        told = token(self.served, address, ("profile:p-1", "guardian"), ("profile:p-2", "guardian"), ("account:a-1", "self"))
        self.go(f"{pages().addresses['families_hand_over']}#{told}")
        self.page.get_by_text("you are the guardian of 2 children").wait_for()
        self.see("families_hand_over", "told")
        self.go(pages().addresses["account_signup"])
        self.fill(email=address, password1=PASSWORD)
        self.send("password1")
        self.fill(code=self.served.sink.code(address))
        self.send("code")
        self.page.wait_for_url("**/protect/")
        self.visit("families_hand_over", "inside")
        self.visit("families_hand_over_confirm", "protect")
        authenticator = enrol_kept(self.served, address)
        self.visit("families_hand_over_confirm")
        self.page.evaluate(
            "signature => { const form = document.querySelector('form[data-confirms]'); form.response.value = signature; form.submit() }",
            signed(self.page.content(), authenticator),
        )
        self.page.wait_for_url("**/done/")
        self.see("families_hand_over_done")

    def interrupted(self) -> None:
        """Send a form after the login of its page has ended."""
        address = f"tom.{self.family}@example.org"
        self.visitor.context.clear_cookies()
        self.go(pages().addresses["account_signup"])
        self.fill(email=address, password1=PASSWORD)
        self.send("password1")
        self.fill(code=self.served.sink.code(address))
        self.send("code")
        self.page.wait_for_url("**/protect/")
        self.go(pages().addresses["account_email"])
        self.fill(email=f"tom.{self.family}.new@example.org")
        session = next(cookie for cookie in self.visitor.context.cookies() if "session" in str(cookie.get("name")))
        self.visitor.context.clear_cookies(name=str(session.get("name")))
        self.send("email")
        self.fill(login=address, password=PASSWORD)
        self.send("password")
        self.see("accounts_typed_before")

    def problems(self) -> None:
        self.go("/no/such/page/")
        self.see("404")
        self.page.goto(self.served.origin.replace("localhost", "127.0.0.1"))
        self.see("400")
        self.go(pages().addresses["account_email"])
        self.fill(email=f"ana.{self.family}.new@example.org")
        self.page.evaluate("document.querySelectorAll('[name=csrfmiddlewaretoken]').forEach(field => { field.value = 'x'.repeat(64) })")
        self.send("email")
        self.see("form")
        for name in ("403", "429", "500", "503", "account/signup_closed.html", "account/account_inactive.html"):
            self.show(name)
        self.visitor.context.clear_cookies()
        self.go(pages().addresses["account_inactive"])
        self.see("account_inactive")

    def show(self, name: str) -> None:
        """Look at a page that was rendered apart, at the site's own address."""
        address = f"{self.served.origin}/rendered/{name}"
        self.page.route(address, lambda route: route.fulfill(body=pages().rendered[name], content_type="text/html; charset=utf-8"))
        self.page.goto(address)
        self.see(f"rendered/{name.rpartition('/')[2].removesuffix('.html')}")


def one_time(secret: str) -> str:
    """The code that a code app shows now (RFC 6238, six digits, 30 s)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, struct.pack(">Q", int(time.time()) // 30), "sha1")
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"
