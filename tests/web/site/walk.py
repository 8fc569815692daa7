"""A walk through every page and state of the pages for people, in a real browser: what looks at each page takes the walk along."""

from __future__ import annotations

import base64
import hmac
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from playwright.sync_api import Page

from expunge import clock
from tests.web.site import walk_guardians, walk_requests, walk_staff
from tests.web.site.browser import Visitor
from tests.web.site.handing_over import enrol_kept, let_the_day_pass, link_in_mail, signed, stop_link, token
from tests.web.site.kit import SiteServed, client_address
from tests.web.site.office import confirm, link_of
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
    "families_hand_over_other": "logs out, and leads on",
    "mfa_edit_webauthn": "closed: passkeys are named in their list",
    "mfa_remove_webauthn": "closed: passkeys are removed in their list",
    "": "closed, as the two before",
    "accounts_recovery_stop": "takes a form and leads back",
    "staff_still": "answers what an open page asks",
    "desk_order_sign": "answers a script",
    "desk_order_signed": "answers a script",
    "desk_order_receipt": "the receipt's own page, which has no frame",
    "desk_order_folder": "a file",
    "staff_decide_begin": "answers a script",
    "staff_decide_finish": "answers a script",
    "staff_sign_in_begin": "answers a script",
    "staff_sign_in_finish": "answers a script",
    "staff_sign_out": "takes a form and leads on",
    "staff_enrol_prove": "answers a script",
    "staff_enrol_finish": "answers a script",
    "staff_adding": "answers a script",
    "staff_adding_confirmed": "answers a script",
    "staff_adding_finish": "answers a script",
    "staff_removing": "answers a script",
    "staff_removing_confirmed": "answers a script",
    "staff_sessions": "takes a form and leads back",
    "socialaccount_login_cancelled": "no way leads there: what went wrong is told where the company leads back to",
    "socialaccount_login_error": "the same",
    "staff_company_login": "leads to a company: test_company_staff.py goes there",
    "staff_company_callback": "the same",
    "portal_lock": "takes a form and leads back",
    "consent_other_account": "logs out, and leads on",
    "consent_form": "hands out a file",
    "consent_scan": "takes a form and leads back",
    "consent_withdraw": "takes a form and leads back",
    "consent_receipt": "hands out a file",
    "staff_form_scan": "hands out a file",
    "staff_form_begin": "answers a script",
    "staff_form_finish": "answers a script",
    "portal_delete_confirm": "takes a form and leads on",
    "portal_deletion_live": "answers a script",
    "portal_deletion_call_off": "takes a form and leads back",
    "portal_choose": "takes a form and hands it to another page",
    "portal_media": "gives out media",
    "portal_sketch": "gives out a drawing",
    "portal_receipt_folder": "a file",
    "portal_export_end": "takes a form and leads back",
    "portal_export_part": "gives out a file",
    "portal_export_check": "the same",
    "desk_again_begin": "answers a script",
    "desk_again_finish": "answers a script",
    "desk_request_stop": "takes a form and leads back",
    "desk_request_withdraw": "takes a form and leads back",
    "desk_statement_begin": "answers a script",
    "desk_statement_finish": "answers a script",
    "desk_view_step": "takes a form and leads back",
    "desk_view_segment": "gives out media",
    "desk_view_film": "the same",
    "desk_view_still": "the same",
    "desk_view_live": "answers a script",
    "desk_view_report": "the same",
    "desk_view_give_back": "takes a form and leads back",
    "portal_look_receipt": "gives out a file",
    "portal_review_answer": "takes a form and leads back",
    "portal_review_bar": "takes a form and leads back",
    "mfa_trust": "these settings do not trust browsers",
}
"""Named addresses that show no page of their own, and why."""
ELSEWHERE: Mapping[str, str] = {
    "desk_view": "desk.test_viewing_browser",
    "desk_view_result": "desk.test_viewing_browser",
    "desk_view_start": "desk.test_viewing_browser",
    "consent_answer": "test_guardians",
    "consent_request": "test_guardians",
    **dict.fromkeys(
        (
            "desk_again",
            "desk_approval",
            "desk_approvals",
            "desk_finding",
            "desk_findings",
            "desk_home",
            "desk_judgement",
            "desk_looks",
            "desk_people",
            "desk_records",
            "desk_request",
            "desk_request_emergency",
            "desk_request_extend",
            "desk_request_new",
            "desk_requests",
            "desk_statement",
            "desk_train",
        ),
        "desk.test_desk_walk",
    ),
    "openid_connect_callback": "test_company_logins",
    "openid_connect_login": "test_company_logins",
    "portal_delete_preview": "test_deleting_live",
    "portal_deletion": "test_deleting_live",
    "portal_export": "test_exporting_browser",
    "portal_keeping": "test_stopping",
    "portal_keeping_kind": "test_stopping",
    "portal_looked": "test_recordings_browser",
    "portal_places": "test_held_browser",
    "portal_places_off": "test_held_browser",
    "portal_play": "test_recordings_browser",
    "portal_reviews": "test_recordings_browser",
    "portal_stop": "test_stopping",
    "portal_timeline": "test_recordings_browser",
    "portal_unused": "test_stopping",
    "portal_use": "test_stopping",
    "providers_again": "test_company_logins",
    "socialaccount_connections": "test_company_logins",
    "socialaccount_signup": "test_company_logins",
    "staff_company_logins": "test_company_staff",
    "staff_form": "test_guardians",
    "staff_forms": "test_guardians",
}
"""Address that the great walk does not visit -> the module of tests whose walk does. ``looking.prove`` stands at the end of that walk."""
WAYS = frozenset({"axe", "dark", "phone"})
"""How each address is looked at."""


@dataclass
class Walk:
    """One person, who looks at each page as ``look(name, page)`` does. A name is that of the address, then ``.`` and the state."""

    served: SiteServed
    visitor: Visitor
    look: Callable[[str, Page], None]
    seen: list[str] = field(default_factory=list)
    secret: str = ""
    """Of the code app."""
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
        self.as_an_employee()
        walk_staff.manage(self)
        self.handed_over()
        self.interrupted()
        self.problems()

    def from_outside(self) -> None:
        self.visit("home")
        self.visit("what_we_keep")
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
        self.secret = self.page.locator("#authenticator_secret").inner_text().strip()
        self.fill(code="000000")
        self.send("code")
        self.see("mfa_activate_totp", "problem")
        self.fill(code=one_time(self.secret))
        self.send("code")
        self.page.wait_for_url("**/recovery-codes/**")
        self.see("mfa_view_recovery_codes")
        self.visit("home", "code")
        self.visit("mfa_reauthenticate")
        self.visit("mfa_deactivate_totp", "last")
        self.visit("mfa_generate_recovery_codes")
        self.visit("mfa_view_recovery_codes", "seen")

    def with_a_passkey(self) -> None:
        self.visitor.take_authenticator()
        self.go(pages().addresses["mfa_add_webauthn"])
        self.see("accounts_confirm", "code")
        self.fill(code="000000")
        self.send("code")
        self.see("accounts_confirm", "problem")
        self.fill(code=one_time(self.secret, 1))
        self.send("code")
        self.see("mfa_add_webauthn")
        self.page.locator("#mfa_webauthn_add").click()
        self.page.wait_for_url(lambda url: not url.endswith("/add/"))
        self.visit("mfa_list_webauthn")
        self.page.locator("main summary").nth(1).click()
        self.see("mfa_list_webauthn", "remove")
        with self.page.expect_navigation():
            self.page.locator("main form:has([value=remove]) [type=submit]").first.click()
        self.see("accounts_confirm")
        self.visit("mfa_deactivate_totp", "waits")
        here = self.page.url
        self.page.goto(stop_link(self.served, self.address))
        self.see("accounts_added_stop_by_mail")
        self.page.goto(here)
        let_the_day_pass(self.served)
        self.visit("mfa_deactivate_totp")
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
        with self.page.expect_navigation():
            self.page.locator("main form [type=submit]").first.click()
        self.see("accounts_confirm", "close")

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
        mails = self.served.sink.count(address)
        self.fill(email=f"mia.{self.family}.new@example.org")
        self.send("email")
        self.see("accounts_confirm", "mail")
        self.fill(code=self.served.sink.code(address, mails + 1))
        self.send("code")
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
        self.page.goto(link_in_mail(self.served, self.address, "/recovery/stop/"))
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
        self.page.locator("main ul li").first.wait_for()
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
        self.go(pages().addresses["families_hand_over_confirm"])
        self.see("accounts_confirm", "hand-over")
        self.page.evaluate(
            "answer => { const field = document.querySelector('main [name=credential]'); field.value = answer; field.form.submit() }",
            signed(self.page.content(), authenticator),
        )
        self.page.wait_for_url("**/done/")
        self.see("families_hand_over_done")
        let_the_day_pass(self.served)
        self.visit("portal_families")
        # Why by its words: the order is that of pseudonyms, and one of the families is the account's own.
        self.page.locator("main ul a", has_text="Child").first.click()
        self.see("portal_home")
        walk_guardians.guard(self)
        self.page.locator("nav.rooms a[href$='/delete/']").click()
        self.see("portal_delete")
        walk_requests.requests(self, authenticator, "profile:p-1", "profile:p-2")

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

    def as_an_employee(self) -> None:
        """Come in by a link, and look at each page of staff."""
        label = f"desk-{self.family}"
        self.visitor.context.clear_cookies()
        self.visit("staff_sign_in")
        self.visit("staff_enrol")
        self.begin_ceremony()
        self.page.locator("[data-trouble]:visible").wait_for()
        self.see("staff_enrol", "trouble")
        self.page.goto(link_of(self.served.folder, "invite", label, "--function", "reviewer"))
        self.page.wait_for_function("document.getElementById('secret').value !== ''")
        self.begin_ceremony()
        self.page.wait_for_url("**/staff/security/")
        self.see("staff_security", "awaits")
        self.visit("staff_home", "awaits")
        confirm(self.served.folder, label)
        self.visit("staff_home")
        self.visit("staff_security")
        self.page.locator("main summary").first.click()
        self.see("staff_security", "remove")

    def begin_ceremony(self) -> None:
        if self.page.locator("#secret").input_value() == "":
            self.fill(secret="made up")
        self.page.locator("main form[data-ceremony] [type=submit]").first.click()

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
        for name in ("403", "429", "500", "503", "account/signup_closed.html", "account/account_inactive.html", "staff/other_network.html"):
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


def one_time(secret: str, steps: int = 0) -> str:
    """The code that a code app shows some steps from now (RFC 6238, six digits, 30 s)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, struct.pack(">Q", int(clock.timestamp()) // 30 + steps), "sha1")
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"
