"""Further mutations, by the kind of duty; ``tests.engine.duties.mutations`` runs them."""

from __future__ import annotations

from tests.engine.duties.mutation import Mutation

_KINDS = ("tests/core/datamap/test_protected_kinds.py",)
_NEEDED = ("tests/core/retention/test_necessity.py",)
_CONTENT = ("tests/engine/retention/test_content_kinds.py",)
_PUBLIC = ("tests/engine/retention/test_public_recipients.py",)
_USES = ("tests/engine/consent/test_use_records.py",)
_CONSENT = ("tests/core/consent/test_consent.py",)
_CONSENTS = ("tests/engine/consent/test_consents.py",)
_ASKING = ("tests/engine/consent/test_asking.py",)
_ACCOUNTS = ("tests/engine/consent/test_account_requests.py",)
_STOPPING = ("tests/engine/families/test_stopping.py",)
_STOPPING_PAGES = ("tests/web/site/test_stopping.py::test_a_gate_that_cannot_be_written_is_not_called_stopped",)
_OWN_PERIODS = ("tests/engine/families/test_own_periods.py",)
_EPHEMERAL = ("tests/gate/test_ephemeral.py",)
_RING = ("tests/orders/test_ring.py",)
_STANDING = ("tests/orders/test_standing.py",)
_TABLE = ("tests/orders/test_table.py",)
_KEYS = ("tests/vault/test_vault_keys.py",)
_SEALED = ("tests/vault/test_vault_story.py::test_nothing_that_was_written_holds_a_window",)
_OPENINGS = ("tests/vault/test_openings_shown.py",)
_STAFF = ("tests/engine/accounts/test_staff_register.py",)
_STAFF_REVIEW = ("tests/engine/accounts/test_staff_review.py",)
_PAGES = ("tests/web/site/test_staff_decisions.py",)
_DESK = ("tests/engine/review/test_desk.py",)
_WHO_LOOKED = ("tests/engine/review/test_who_looked.py",)
_FUNCTIONS = ("tests/core/accounts/test_staff_functions.py",)
_CLOCKS = ("tests/core/datamap/test_clocks.py",)
_DUES = ("tests/engine/recipients/test_dues.py",)
_COHORTS = ("tests/engine/cohorts/test_cohorts.py",)
_ONE_CHILD = ("tests/engine/execution/test_stories.py::test_one_child_goes_and_nothing_of_them_is_left_anywhere",)


def _defence(test: str) -> tuple[str, ...]:
    return (f"tests/web/site/test_defence.py::{test}",)


_STRENGTH = ("tests/core/accounts/test_credential_strength.py",)


def _guarding(test: str) -> tuple[str, ...]:
    return (f"tests/adapters/keeper/test_guard.py::{test}",)


def _methods(test: str) -> tuple[str, ...]:
    return (f"tests/web/site/test_methods.py::{test}",)


_POSTED = ("tests/engine/retention/test_postings.py",)
_REMINDED = ("tests/engine/families/test_location_reminders.py",)
_PLACES = ("tests/engine/families/test_whereabouts.py",)


SCOPE = (
    Mutation(
        "COP-12", "what no activity needs does not count", "core/retention/collection_permission.py",
        "elif bare:", "elif False:", _NEEDED,
    ),
    Mutation(
        "COP-12", "whatever a purpose uses may be required", "core/retention/collection_permission.py",
        "if dataset not in known.because:\n        return RequirementAnswer(purpose, dataset, allowed=False,",
        "if dataset not in known.because:\n        return RequirementAnswer(purpose, dataset, allowed=True,", _NEEDED,
    ),
    Mutation(
        "COP-12", "who does not agree may be refused", "core/retention/collection_permission.py",
        "if known.needs is Ground.CONSENT:", "if False:", _NEEDED,
    ),
    Mutation(
        "AMZ-06", "round places of people are out of scope", "core/datamap/protected_kinds.py",
        "return linkable or decimals >= EXACT", "return decimals >= EXACT", _KINDS,
    ),
    Mutation(
        "AMZ-06", "round columns of places are not told", "core/discovery/coordinates.py",
        "return _in_range(latitudes, _NORTH) and _in_range(longitudes, _EAST)", "return are_coordinates(latitudes, longitudes)", _CONTENT,
    ),
    Mutation(
        "AMZ-06", "exact places count as de-identified", "engine/retention/content_kinds.py",
        "if signs.decimals and is_geolocation(max(signs.decimals), linkable=False):", "if False:", _CONTENT,
    ),
    Mutation(
        "AMZ-06", "places of some datasets are not shown", "engine/families/whereabouts.py",
        "for copy in located.held_in(name) if name not in away else ():", "for copy in ():", _PLACES,
    ),
    Mutation(
        "AMZ-09", "another period than the enforced one is told", "core/retention/disclosure.py",
        "None if whole else schedule.period,", "None,", _POSTED,
    ),
    Mutation(
        "AMZ-09", "a changed schedule keeps its version", "core/retention/disclosure.py",
        '"days": each.period.days if each.period else 0,', '"days": 0,', _POSTED,
    ),
    Mutation(
        "AMZ-09", "no record says which schedule was shown", "engine/retention/postings.py",
        "self._note(each.name, each.digest)", "pass", _POSTED,
    ),
    Mutation(
        "AMZ-09", "a schedule that changed since counts as told", "engine/reports/estate_duties.py",
        "if latest.sha256 != each.digest:", "if False:", _POSTED,
    ),
    Mutation(
        "AMZ-10", "a notice is shown without its record", "engine/retention/postings.py",
        'self._note(name_of(notice), shown.sha256 if shown is not None else "")', "pass", _POSTED,
    ),
    Mutation(
        "AMZ-10", "a notice ends before its time", "core/accounts/accounts_spec.py",
        "return self.since <= day < self.until", "return self.since == day", _POSTED,
    ),
    Mutation(
        "AMZ-10", "days without the notice are not counted", "engine/retention/postings.py",
        "missed = sum(day not in days for", "missed = sum(False for", _POSTED,
    ),
    Mutation(
        "AMZ-10", "a changed text counts as the same", "engine/retention/postings.py",
        "bool(latest and shown and latest.sha256 == shown.sha256)", "True", _POSTED,
    ),
    Mutation(
        "COP-01", "what tells a voice apart is not biometric", "core/datamap/protected_kinds.py",
        "if dataset.kind is ArtefactKind.EMBEDDING and inherited", "if False and inherited", _KINDS,
    ),
    Mutation(
        "COP-01", "what is made from a voice is of no kind", "core/datamap/protected_kinds.py",
        "kinds_said(dataset.categories) if dataset.categories else inherited", "kinds_said(dataset.categories)", _KINDS,
    ),
    Mutation(
        "COP-01", "content is not held against categories", "engine/retention/content_kinds.py",
        "if kind in kinds - said:", "if False:", _CONTENT,
    ),
    Mutation(
        "COP-04", "a recipient that was seen makes no sentence false", "engine/retention/published_policy.py",
        "true, evidence = _nobody_else(context)", 'true, evidence = True, ""', _PUBLIC,
    ),
    Mutation(
        "COP-04", "a changed recipient changes no sentence", "core/retention/public_claims.py",
        "found += _recipients(data_map)", "pass", _PUBLIC,
    ),
    Mutation(
        "COP-04", "a recipient that was seen is no finding", "engine/retention/map_check.py",
        "*seen_recipients.findings(context))", ")", _PUBLIC,
    ),
    Mutation(
        "AMZ-13", "a use of location needs no review", "engine/gate/use_records.py",
        "if name in unreviewed:", "if False:", _USES,
    ),
    Mutation(
        "AMZ-13", "a review lasts for ever", "core/consent/use_records.py",
        'return f"its review lapsed on {review.until:%Y-%m-%d}" if now >= review.until else ""', 'return ""', _USES,
    ),
    Mutation(
        "AMZ-13", "a review covers another use", "core/consent/use_records.py",
        "if review.practice != practice(data_map, purpose):", "if False:", _USES,
    ),
    Mutation(
        "AMZ-13", "anybody signs a review", "engine/consent/use_decisions.py",
        'approving.check_signature(context, by, signed, said, ("review", again))', "pass", _USES,
    ),
    Mutation(
        "COP-14", "children's data is disclosed without an assurance", "engine/gate/use_records.py",
        "elif unassured & set(purpose.recipients):", "elif False:", _USES,
    ),
    Mutation(
        "COP-14", "an assurance covers whatever comes later", "core/consent/use_records.py",
        "if more:", "if False:", _USES,
    ),
    Mutation(
        "COP-14", "a recipient may be handed more without an assurance", "engine/recipients/instructions.py",
        " and use_records.may_get(context, recipient)", "", _USES,
    ),
)  # fmt: skip

CONSENT = (
    Mutation(
        "COP-03", "an answer to a notice that did not reach its reader counts", "engine/consent/parental_consent.py",
        "if one.account and not direct_notices.reached(context, one):", "if False:", _ACCOUNTS,
    ),
    Mutation(
        "COP-03", "another notice than the one that holds now counts as read", "engine/consent/direct_notices.py",
        "if notice.digest != digest:", "if False:", _ACCOUNTS,
    ),
    Mutation(
        "COP-03", "the notice names no third party", "core/consent/direct_notice.py",
        "if not outward:", "if True:", _ACCOUNTS,
    ),
    Mutation(
        "COP-03", "a mail that no server took was delivered", "engine/consent/parental_consent.py",
        "    begun = method.begin(_asking(context, one, token))\n    now, request",
        "    told = direct_notices.delivered(context, one.asked.request, _language(one), ae.NoticeWay.MAIL)\n"
        "    register(context.journal, CONSENTS, *told)\n"
        "    begun = method.begin(_asking(context, one, token))\n    now, request",
        _ACCOUNTS,
    ),
    Mutation(
        "COP-06", "a box that was not ticked is agreed to", "engine/consent/parental_consent.py",
        "chosen = tuple(_chosen(context, consents, name) for name in question.purposes)",
        "chosen = tuple(_chosen(context, consents, name) for name, each in context.data_map.purposes.items() if each.text)", _ACCOUNTS,
    ),
    Mutation(
        "COP-07", "the account that asks checks its own form", "engine/consent/signed_scans.py",
        "if one.account is not None and one.account.account == by:", "if False:", _ACCOUNTS,
    ),
    Mutation(
        "COP-09", "a request that was taken back keeps the address", "engine/consent/parental_consent.py",
        "    forget(context, OrderId(one.asked.request), ASKED)\n    if one.scan", "    if one.scan", _ACCOUNTS,
    ),
    Mutation(
        "RNG-12", "consent inside general terms counts", "core/consent/consent_rules.py",
        "if _APART_FROM.search(surface):", "if False:", _CONSENT,
    ),
    Mutation(
        "FAIL-09", "closing a window is an act of consent", "core/consent/consent_rules.py",
        'message = f"{word!r} is no consent: {NO_ACT[word]}"\n        raise ValueError(message)',
        "return next(iter(ConsentAct))", _CONSENTS,
    ),
    Mutation(
        "COP-05", "consent to other words than those that were fixed counts", "core/consent/consent.py",
        "fixed != given.sha256 or ", "", _CONSENT,
    ),
    Mutation(
        "COP-06", "consent to one purpose is consent to all", "engine/gate/fencing.py",
        "given=agreed.given.get(name, frozenset()),", "given=frozenset().union(*agreed.given.values()),", _CONSENTS,
    ),
    Mutation(
        "COP-08", "a weak way of asking carries disclosure", "core/consent/consent_rules.py",
        "if not carries_disclosure and discloses(consents.purposes.values()):", "if False:", _CONSENT,
    ),
    Mutation(
        "COP-08", "a weak consent stands when disclosure begins", "core/consent/consent.py",
        "if not given.carries_disclosure and discloses(consents.purposes.values()):", "if False:", _CONSENT,
    ),
    Mutation(
        "COP-09", "who does not answer is remembered", "engine/consent/parental_consent.py",
        "elif now >= one.asked.expires:", "elif False:", _ASKING,
    ),
    Mutation(
        "COP-10", "what would keep a voice is let pass", "ephemeral.py",
        'raise Kept(message, help="do that after the block, without anything that was said in it")', "return", _EPHEMERAL,
    ),
    Mutation(
        "COP-10", "a voice lies in memory that may be swapped to a disk", "ephemeral.py",
        "if _libc().mlock(*_span(memory)) != 0:", "if False:", _EPHEMERAL,
    ),
    Mutation(
        "COP-11", "a withdrawal erases nothing", "engine/consent/consent_decisions.py",
        "datasets = reach(context, consents, subject, purpose, now)", "datasets: tuple[str, ...] = ()", _CONSENTS,
    ),
    Mutation(
        "COP-11", "anybody stops what a parent allowed", "core/consent/consent_rules.py",
        "return _may_speak(consents, subject, proof, at) if proof else None", "return None", (*_CONSENT, *_CONSENTS),
    ),
    Mutation(
        "COP-11", "a parent is shown nothing of tables", "engine/export/exporting.py",
        "for item in self._items(dataset, copy):", "for item in self._items(dataset, copy) if dataset.paths else ():",
        ("tests/engine/execution/test_stories.py::test_an_export_holds_what_is_held_byte_for_byte_with_hashes",),
    ),
    Mutation(
        "COP-11", "programs are not told that a family stopped a use", "engine/consent/consent_decisions.py",
        "    fencing.publish(context)\n    return WithdrawalResult(", "    return WithdrawalResult(", _STOPPING,
    ),
    Mutation(
        "COP-11", "the page calls a use stopped, whatever the gate says", "bootstrap/clerk/desks/local_stopping.py",
        "GateSays(bool(answers) and all(each.allowed for each in answers),", "GateSays(False,", _STOPPING_PAGES,
    ),
    Mutation(
        "COP-11", "a shorter keeping time takes nothing", "engine/families/stopping/own_periods.py",
        "orders += _orders_of(context, person, wanted[subject])", "pass", _OWN_PERIODS,
    ),
    Mutation(
        "COP-11", "a shorter keeping time takes what is younger as well", "engine/families/stopping/own_periods.py",
        "(replace(asked, where=window),)", "(asked,)", _OWN_PERIODS,
    ),
)  # fmt: skip

DESTRUCTION = (
    Mutation(
        "RNG-02", "what nobody reviewed goes as well", "core/disgorgement/limb_scope.py",
        "by, goes = SelectedBy.REVIEW, dataset.reviewed_by is not None", "by, goes = SelectedBy.OWN, True", _RING,
    ),
    Mutation(
        "RNG-03", "embeddings stay", "core/disgorgement/limb_scope.py",
        "taken = kind in self.limb.takes", "taken = kind in self.limb.takes and kind is not ArtefactKind.EMBEDDING", _RING,
    ),
    Mutation(
        "RNG-04", "all that came of recordings goes, not what annotation taught", "core/disgorgement/limb_scope.py",
        "starts = reviews if limb.trigger is Trigger.REVIEWED else covered", "starts = covered", _RING,
    ),
    Mutation(
        "RNG-05", "nobody signs that it is infeasible", "engine/destruction/disgorgement_orders.py",
        'approving.check_signature(context, wanted.by, signed, disgorgement_events.claim(wanted), ("claim", mend))', "pass", _STANDING,
    ),
    Mutation(
        "RNG-05", "infeasible whatever the order says", "engine/destruction/disgorgement_orders.py",
        "if not limb.infeasible or kind not in limb.takes:", "if False:", (*_STANDING, "tests/orders/test_commands.py"),
    ),
    Mutation(
        "RNG-06", "a statement is drafted whatever is open", "engine/destruction/statement_draft.py",
        "    if reasons:", "    if False:", _STANDING,
    ),
    Mutation(
        "RNG-08", "the later of two branches binds", "core/datamap/clocks.py",
        "pick = min if rule.bound is Bound.EARLIEST else max", "pick = max", _CLOCKS,
    ),
    Mutation(
        "AMZ-08", "whoever was erased passes the gate", "engine/gate/fencing.py",
        "Contents(suppressed | models | forgotten,", "Contents(models | forgotten,", ("tests/gate/test_stories.py",),
    ),
    Mutation(
        "AMZ-08", "a product that read deleted data is no violation", "core/disgorgement/forward_limb.py",
        "if caught and read.at is not None:", "if False:", ("tests/orders/test_forward.py",),
    ),
    Mutation(
        "DSG-01", "a limb takes every kind", "core/disgorgement/limb_scope.py",
        "goes = taken and self.limb.trigger is not Trigger.USED", "goes = self.limb.trigger is not Trigger.USED", (*_RING, *_TABLE),
    ),
    Mutation(
        "DSG-02", "what was made of what was made stays", "core/disgorgement/taint.py",
        "todo.append(product)", "pass", _RING,
    ),
    Mutation(
        "DSG-06", "a cohort is counted with one more", "engine/destruction/limb_selectors.py",
        "return CountedAnswer(name, json.dumps(asked, sort_keys=True), len(found),",
        "return CountedAnswer(name, json.dumps(asked, sort_keys=True), len(found) + 1,", _TABLE,
    ),
    Mutation(
        "DSG-07", "the receipts do not lie beside the draft", "engine/destruction/statement_draft.py",
        'files.update({f"receipts/{order}/{name}": data for name, data in folder.items()})', "pass", _STANDING,
    ),
    Mutation(
        "DSG-11", "a family is reminded once and never again", "engine/accounts/reminder_times.py",
        "return end_of(reminded or family.since, EVERY) - _AHEAD",
        "return datetime.max.replace(tzinfo=family.since.tzinfo) if reminded else end_of(family.since, EVERY) - _AHEAD", _REMINDED,
    ),
    Mutation(
        "DSG-11", "the register says nothing of a reminder", "engine/families/location_reminders.py",
        "register(context.journal, REMINDERS, LocationReminded(context.clock.now(), family.family, written))", "pass", _REMINDED,
    ),
    Mutation(
        "DSG-11", "the switch ends no consent", "engine/families/location_reminders.py",
        "consent_decisions.withdraw(context, person, purpose)", "pass", _REMINDED,
    ),
    Mutation(
        "DSG-11", "a consent alone reminds no family", "engine/families/location_reminders.py",
        "agreed |= dict.fromkeys(each.name for each in purposes if _holds(consents, person, each, now))", "pass", _REMINDED,
    ),
    Mutation(
        "DSG-11", "a family that waits for a reminder is not told of", "engine/reports/late_reminders.py",
        "return sum(_may_be_collected(context, consents, each.family, now) for each in late)", "return 0", _REMINDED,
    ),
    Mutation(
        "DSG-08", "any kind of data may be collected", "gate/file_gate.py",
        "scheduled = not (view.head.collect or {}).keys().isdisjoint(with_broader(name))", "scheduled = True",
        ("tests/gate/test_collecting.py",),
    ),
    Mutation(
        "FAIL-13", "a recipient is believed over what was seen", "core/journal/recipient_ledger.py",
        "return before if before in (InstructionState.HOLDS, InstructionState.PROBED) else told", "return told",
        ("tests/engine/recipients/test_recipients.py",),
    ),
)  # fmt: skip

REST = (
    Mutation(
        "TIM-09", "what a parent directed has no clock", "engine/recipients/deadlines.py",
        "if isinstance(run.received.cause, ByGuardian):", "if False:", ("tests/engine/consent/test_prompt_deletion.py",),
    ),
    Mutation(
        "TIM-09", "contact data has no clock", "engine/reports/all_deadlines.py",
        '"pending consent", {"contact collected": one.asked.at})', '"nothing", {})', ("tests/engine/consent/test_prompt_deletion.py",),
    ),
    Mutation(
        "AMZ-05", "transcripts do not go with their recordings", "engine/subjects/locating.py",
        "upstream = {name: by[person.subject] for name, by in raw.items() if person.subject in by and name in leading}", "upstream = {}",
        _ONE_CHILD,
    ),
    Mutation(
        "FAIL-01", "tables stay when recordings go", "engine/subjects/locating.py",
        "located.copies[dataset.name] = tuple(copies)", "located.copies[dataset.name] = tuple(copies) if dataset.paths else ()", _ONE_CHILD,
    ),
    Mutation(
        "FAIL-04", "what outlived its period is not taken", "engine/retention/expiry.py",
        "        if due.items:\n            found.append(due)", "        pass", ("tests/engine/retention/test_retention.py",),
    ),
    Mutation(
        "FAIL-04", "a period may be longer than anybody lives", "core/values/periods.py",
        "_LONGEST_MONTHS = 100 * 12", "_LONGEST_MONTHS = 100_000 * 12",
        ("tests/maps/test_datamap_faults.py",),
    ),
    Mutation(
        "COP-02", "erased whatever a normal read returns", "engine/evidence/verdict.py",
        "if probed.items > staying:", "if False:", ("tests/engine/evidence/test_looking.py",),
    ),
    Mutation(
        "TIM-01", "more time though nobody was told in time", "core/datamap/clocks.py",
        "if events[rule.extension.notice] >= end:", "if False:", _CLOCKS,
    ),
    Mutation(
        "TIM-02", "a restored store serves whoever is in it", "engine/aftercare/restored_stores.py",
        "return not self.swept.failed and all(self._clean(run) for run in self.runs)", "return True",
        ("tests/engine/aftercare/test_restoring.py", "tests/engine/aftercare/test_returning.py"),
    ),
    Mutation(
        "TIM-03", "weekends are business days", "core/datamap/clocks.py",
        "while day.weekday() >= _WEEKEND or day in holidays:", "while day in holidays:", _CLOCKS,
    ),
    Mutation(
        "TIM-06", "every clock counts for everything", "engine/recipients/deadlines.py",
        "rules = (law for law in context.data_map.laws.values() if word in law.applies)",
        "rules = iter(context.data_map.laws.values())", _DUES,
    ),
    Mutation(
        "NST-07", "the register names people in plain", "engine/gate/fencing.py",
        "names = tuple(str(pseudonym(key, kind, value)) for kind, value in pairs)", "names = tuple(value for _, value in pairs)",
        ("tests/engine/evidence/test_privacy.py",),
    ),
    Mutation(
        "NST-08", "a changed entry of the log verifies", "adapters/log/audit.py",
        '_refuse(f"{name} does not belong to the entries")', "pass",
        ("tests/cli/test_map_and_log.py::test_a_changed_entry_in_the_log_is_bad_evidence", "tests/adapters/test_log_tiles.py"),
    ),
    Mutation(
        "NST-02", "inaccessible counts as irrecoverable", "vault/keys/standing.py",
        "if count == newest else None", "if newest else None", _KEYS,
    ),
    Mutation(
        "NST-02", "one person ends an epoch under two names", "engine/consent/epoch_approvals.py",
        "if not any(approving.are_one_person(context, event.approver, each) for each in found):", "if event.approver not in found:", _KEYS,
    ),
    Mutation(
        "NST-02", "a destroyed epoch is marked and its key stays", "adapters/roots/local_root.py",
        "            self._files.mark(epoch)\n            self._files.wipe(epoch)", "            pass", _KEYS,
    ),
    Mutation(
        "NST-02", "a destroyed key counts as a medium that is gone", "stores/vault/store.py",
        "return Capabilities(Grounding.SCRUBBED,", "return Capabilities(Grounding.DEVICE,", ("tests/vault/test_device.py",),
    ),
    Mutation(
        "FAIL-11", "recordings lie in the clear in their files", "vault/chunked.py",
        "encrypt((base ^ number).to_bytes(_NONCE), part, None, out[at:end])", "out[at : at + len(part)] = part", _SEALED,
    ),
    Mutation(
        "RNG-14", "consents are held against openings as they are now, not as they were", "engine/vault/reviewing.py",
        "(consent := self._next_consent) is not None and consent.at <= at", "(consent := self._next_consent) is not None", _OPENINGS,
    ),
    Mutation(
        "RNG-14", "openings of the suppressed pass a review", "engine/vault/reviewing.py",
        "self._suppressed[suppression.order] = frozenset(suppression.pseudonyms)", "pass", _OPENINGS,
    ),
    Mutation(
        "RNG-19", "who was refused is not entered", "engine/vault/openings.py",
        "self._enter(context, dataset, recording, subjects, reader, why)", "pass", _OPENINGS,
    ),
    Mutation(
        "AMZ-14", "any account opens for any purpose", "engine/vault/openings.py",
        "purpose.readers and reader.user not in purpose.readers", "False", _OPENINGS,
    ),
    Mutation(
        "RNG-22", "other machines are served over plain HTTP", "cli/services/serve.py",
        "not address.is_loopback and tls_key is None and not exposed_plain", "False",
        ("tests/web/test_tls.py::test_plain_http_where_other_machines_reach_it_has_to_be_meant",),
    ),
    Mutation(
        "RNG-22", "a file in the clear is listed as sealed", "bootstrap/vault/inventory.py",
        "return SealState.CHANGED", "return SealState.SEALED", ("tests/vault/test_inventory.py",),
    ),
    Mutation(
        "RNG-22", "what is sealed at rest is not", "vault/chunked.py",
        "encrypt((base ^ number).to_bytes(_NONCE), part, None, out[at:end])", "out[at : at + len(part)] = part", _SEALED,
    ),
    Mutation(
        "FAIL-10", "no try is refused before its view", "web/site/defence/middleware.py",
        "if throttle.admit(attempt) is None:", "if throttle.admit(attempt) is None or True:",
        _defence("test_a_machine_that_sprays_is_refused_at_every_way_in"),
    ),
    Mutation(
        "FAIL-10", "the login is no surface", "web/site/defence/surfaces.py",
        '"account_login": Surface.LOGIN,', "", _defence("test_every_form_of_a_credential_is_a_surface"),
    ),
    Mutation(
        "FAIL-10", "failures from elsewhere delay the owner's browser", "web/site/defence/middleware.py",
        "attempt.known = bool(attempt.account) and known_devices", "attempt.known = False and known_devices",
        _defence("test_failures_from_elsewhere_slow_nobody_but_strangers"),
    ),
    Mutation(
        "FAIL-10", "a sign-up of a known address hashes nothing", "web/site/defence/even_signup.py",
        "if self.account_already_exists and", "if False and",
        _defence("test_known_and_unknown_addresses_cost_and_answer_alike"),
    ),
    Mutation(
        "RNG-20", "nobody is told of many failures", "web/site/defence/notices.py",
        "attempt.failures == MANY_FAILURES", "False",
        _defence("test_an_owner_is_told_of_many_failures_once"),
    ),
    Mutation(
        "RNG-20", "nobody is told of sessions in two networks", "web/site/defence/notices.py",
        "if any(network_of(str(ip)) != here for ip in others):", "if False:",
        _defence("test_an_owner_is_told_of_sessions_in_two_networks"),
    ),
    Mutation(
        "RNG-20", "a machine may fail at any number of accounts", "web/site/defence/throttle.py",
        "return Refusal.ACCOUNTS if over else None", "return None",
        _defence("test_a_machine_that_sprays_is_refused_at_every_way_in"),
    ),
    Mutation(
        "NST-06", "an account has no end of failures", "web/site/defence/tallies.py",
        "AND expunge_failed_run.failures < %s RETURNING", "AND 0 < %s RETURNING",
        _defence("test_after_a_hundred_failures_the_password_alone_is_no_way_in"),
    ),
    Mutation(
        "NST-06", "failures cost no time", "core/attempts/attempt_limits.py",
        "if failures < FREE_FAILURES:", "if True:", ("tests/core/accounts/test_attempt_limits.py",),
    ),
    Mutation(
        "NST-06", "a reset by mail ends no run of failures", "web/site/defence/outcomes.py",
        "    signals.password_reset.connect(_reset, dispatch_uid=_UID)\n", "",
        _defence("test_after_a_hundred_failures_the_password_alone_is_no_way_in"),
    ),
    Mutation(
        "NST-11", "known passwords are taken", "web/site/defence/password_rules.py",
        "if is_known(spelt(password)):", "if False:",
        _defence("test_a_bad_password_is_refused_with_its_reason"),
    ),
    Mutation(
        "NST-04", "an account is as strong as its strongest way in", "core/accounts/credential_strength.py",
        "return min(found, default=Level.NONE)", "return max(found, default=Level.NONE)", _STRENGTH,
    ),
    Mutation(
        "NST-04", "the recovery by mail is no way in", "engine/accounts/guard.py",
        "            own.append(frozenset({Method.MAIL_RECOVERY}))\n", "            pass\n",
        _guarding("test_the_level_is_that_of_the_weakest_way_in_and_a_caller_can_only_lower_it"),
    ),
    Mutation(
        "NST-04", "what the caller knows lowers no level", "engine/accounts/guard.py",
        "return min(level_of(own, audience), level_of(also, audience)) if also else", "return level_of(own, audience) if also else",
        _guarding("test_the_level_is_that_of_the_weakest_way_in_and_a_caller_can_only_lower_it"),
    ),
    Mutation(
        "NST-05", "a text message counts for staff", "core/accounts/credential_strength.py",
        "Level.NONE if audience is Audience.STAFF and Method.SMS in way else strength_of(way)", "strength_of(way)", _STRENGTH,
    ),
    Mutation(
        "NST-05", "a telephone number is asked for at the sign-up", "web/site/settings.py",
        '"ACCOUNT_SIGNUP_FIELDS": ["email*", "password1*"],', '"ACCOUNT_SIGNUP_FIELDS": ["email*", "password1*", "phone"],',
        _methods("test_no_way_in_is_a_text_message_or_a_call"),
    ),
    Mutation(
        "DSG-10", "a code that can be phished confirms an ask of staff", "engine/accounts/confirming.py",
        "if ask.kind.of_staff:", "if False:", ("tests/engine/accounts/test_guard_times.py::test_a_code_confirms_no_ask_of_staff",),
    ),
    Mutation(
        "DSG-10", "customers are told that they need a phone", "web/site/accounts/templates/accounts/enrol.html",
        " You need no phone: a computer or a security key will do.", "", _methods("test_a_method_takes_no_telephone_number"),
    ),
    Mutation(
        "DSG-10", "passwords from break-ins are taken", "web/site/defence/password_rules.py",
        "if is_known(spelt(password)):", "if False:",
        _defence("test_a_bad_password_is_refused_with_its_reason"),
    ),
    Mutation(
        "RNG-21", "no second factor is offered at the sign-up", "web/site/settings.py",
        '"ACCOUNT_SIGNUP_REDIRECT_URL": "accounts_enrol",', '"ACCOUNT_SIGNUP_REDIRECT_URL": "home",',
        _methods("test_a_customer_is_offered_a_second_factor_on_the_first_screen"),
    ),
    Mutation(
        "RNG-21", "adoption is not counted", "web/site/operation.py",
        "for each, number in adoption().items()", "for each, number in dict(adoption()).items() if not number",
        _methods("test_adoption_is_counted_without_a_person"),
    ),
)  # fmt: skip
STAFF = (
    Mutation(
        "AMZ-16", "a right that was not confirmed for a year stays", "core/accounts/staff_state.py",
        "if now >= self.due:", "if False:", _STAFF,
    ),
    Mutation(
        "AMZ-16", "a person confirms rights of their own", "core/accounts/staff_acts.py",
        "if not isinstance(act, WithdrawInvitation) and staff.same_person(by, account):", "if False:", _STAFF,
    ),
    Mutation(
        "AMZ-16", "a right may be passed over when the others are confirmed", "core/accounts/staff_acts.py",
        "if kept | revoked != held or kept & revoked:", "if False:", _STAFF,
    ),
    Mutation(
        "AMZ-16", "a right that is not kept stays", "core/accounts/staff_state.py",
        "        for right in event.revoked:\n            grants.pop((event.function, right), None)\n", "", _STAFF,
    ),
    Mutation(
        "RNG-18", "a right is granted that the job function does not need", "core/accounts/staff_acts.py",
        "    if alien:", "    if False:", _STAFF,
    ),
    Mutation(
        "RNG-18", "one person holds what two have to", "core/accounts/staff_acts.py",
        "if has.issuperset(pair) and more.intersection(pair):", "if False:", _STAFF,
    ),
    Mutation(
        "RNG-18", "that rights lapse is not announced", "engine/accounts/staff_review.py",
        "soon = [each for each in rights if each.announced]", "soon: list[ReviewedRight] = []", _STAFF_REVIEW,
    ),
    Mutation(
        "RNG-18", "a recertification that was not made is never overdue", "engine/accounts/staff_review.py",
        "standing = ClockState.OVERDUE if lapsed else ClockState.RUNNING", "standing = ClockState.RUNNING", _STAFF_REVIEW,
    ),
    Mutation(
        "DSG-10", "a passkey counts for an account that has something weaker", "web/site/staff/strength.py",
        "return level is Level.PHISHING_RESISTANT", "return True", ("tests/web/site/test_staff_sessions.py",),
    ),
    Mutation(
        "RNG-17", "a session by a provider lasts longer than its equivalence", "web/site/staff/entering.py",
        "not counts(member, method)", "False", ("tests/web/site/test_staff_sessions.py",),
    ),
    Mutation(
        "RNG-17", "a company's login that can be phished lets staff in", "web/site/providers/staff_decisions.py",
        "if said is Level.NONE or not holds(", "if not holds and holds(", ("tests/web/site/test_company_staff.py",),
    ),
    Mutation(
        "DSG-10", "a text message at the company counts under an equivalence", "web/site/providers/staff_decisions.py",
        "said is Level.NONE or not holds(", "not holds(", ("tests/web/site/test_company_staff.py",),
    ),
    Mutation(
        "NST-11", "an answer to a login counts in another browser", "engine/accounts/signing_in.py",
        "if not secrets.compare_digest(begun.session, session):", "if False:", ("tests/engine/accounts/test_sign_in.py",),
    ),
    Mutation(
        "NST-11", "an answer to a login counts again", "engine/accounts/signing_in.py",
        "begun = self._begun.take(token)", "begun = self._begun.look(token)", ("tests/engine/accounts/test_sign_in.py",),
    ),
    Mutation(
        "RNG-17", "a passkey that came by a link gives rights before a person confirmed it", "core/accounts/staff_state.py",
        " or self.awaits_key:", ":", _STAFF,
    ),
    Mutation(
        "RNG-17", "any approver signs an equivalence", "engine/accounts/staff_equivalence.py",
        "approving.check_signature(context, PROGRAMME_HEAD, signed, new.message, what)", "pass", _STAFF_REVIEW,
    ),
    Mutation(
        "RNG-17", "an equivalence does not end", "core/accounts/staff_state.py",
        "self.equivalence is not None and now < self.equivalence.until", "self.equivalence is not None", _STAFF_REVIEW,
    ),
    Mutation(
        "FAIL-05", "use is not noted", "engine/accounts/staff_register.py",
        "return (*seen, *used)", "return seen", _STAFF,
    ),
    Mutation(
        "FAIL-05", "a right that is not used is not told", "engine/accounts/staff_review.py",
        "    if unused and standing is not StaffStanding.IDLE:", "    if False:", _STAFF_REVIEW,
    ),
    Mutation(
        "FAIL-05", "a pack does not say which rights are not used", "engine/accounts/staff_review.py",
        "for each in reviewed.rights if each.unused and each.holds is not GrantStanding.LAPSED]", "for each in ()]", _STAFF_REVIEW,
    ),
    Mutation(
        "RNG-18", "a page about people opens without the right", "web/site/staff/entering.py",
        "if right is not None and right not in member.rights:", "if False:", _PAGES,
    ),
    Mutation(
        "RNG-18", "an open page stays when its right is taken away", "web/site/staff/managing/still.py",
        "if right == ANY or all(", "if True or all(", _PAGES,
    ),
    Mutation(
        "RNG-18", "a page decides without the passkey of who decides", "adapters/keeper/staff_requests.py",
        "                self._permits.use_permit(ask.permit, ask.account, ask.session, body)\n", "",
        ("tests/adapters/keeper/test_staff_keeper.py",),
    ),
    Mutation(
        "AMZ-16", "the page does not show what is due to be confirmed", "web/site/staff/managing/people.py",
        '"open": [each for each in held if each["function"].open],', '"open": [],', _PAGES,
    ),
    Mutation(
        "AMZ-16", "what the page was told to take away is kept", "web/site/staff/managing/decisions.py",
        "if self.cleaned_data[each.value] == answer", "if answer == KEEP", _PAGES,
    ),
    Mutation(
        "FAIL-05", "reading the register is no use of a right", "adapters/keeper/staff_requests.py",
        "        self._directory.note_use(ask.account, StaffRight.READ_STAFF)\n", "", _PAGES,
    ),
    Mutation(
        "FAIL-05", "looking at attempts is no use of a right", "web/site/staff/managing/attempts.py",
        "register().note_use(request.staff.account, right)", "pass", _PAGES,
    ),
    Mutation(
        "RNG-09", "staff approve what takes the customer's word", "core/review/request.py",
        "return self.asked.purpose is ReviewPurpose.AUTHORISED", "return False", _DESK,
    ),
    Mutation(
        "RNG-09", "a recording is seen without an approval", "engine/review/deciding.py",
        "if len(others) < needed:", "if False:", _DESK,
    ),
    Mutation(
        "RNG-19", "a view is shown and not entered", "engine/review/viewing.py",
        "desk.views.enter(lease, lambda reviews, number: self._view(reviews, number, asked, stands, digest, lease))",
        "desk.stream.read(lambda reviews: self._view(reviews, 0, asked, stands, digest, lease))", _DESK,
    ),
    Mutation(
        "RNG-19", "the first view of a lease is shown before the log has it", "engine/review/view_log.py",
        "            self._try_finish_entry()\n            self._refuse_unlogged(wanted)\n", "", _DESK,
    ),
    Mutation(
        "RNG-19", "what staff were refused is not entered", "engine/review/refusals.py",
        "self.stream.enter(lambda _: (replace(event, at=now, more=more),))", "pass", _DESK,
    ),
    Mutation(
        "FAIL-08", "entries of the log that the register does not know are passed over", "engine/review/who_looked.py",
        "        self._look_behind()\n        return proof", "        return proof", _WHO_LOOKED,
    ),
    Mutation(
        "FAIL-08", "openings of programs are left out", "engine/review/who_looked.py",
        "heapq.merge(views, openings, key=lambda each: each.at)", "heapq.merge(views, key=lambda each: each.at)", _WHO_LOOKED,
    ),
    Mutation(
        "FAIL-08", "events that are not as they were entered pass", "engine/review/who_looked.py",
        "commitment.root_of(bytes.fromhex(entry.salt), entry.first, self._open).hex() != entry.root", "False", _WHO_LOOKED,
    ),
    Mutation(
        "FAIL-12", "a lease is taken over by another reviewer", "engine/review/deciding.py",
        "if act is not DeskAct.APPROVE and not own:", "if False:", _DESK,
    ),
    Mutation(
        "FAIL-12", "break-glass goes past the customer's word", "engine/review/deciding.py",
        'yield PolicyReason("no-consent", "the family has not agreed to this, or does not any more")', "yield from ()", _DESK,
    ),
    Mutation(
        "FAIL-12", "an administrator makes an approver alone", "core/accounts/staff_state.py",
        "awaited = function in SECOND_LOOK and isinstance(by, ByStaff)", "awaited = False", _STAFF,
    ),
    Mutation(
        "FAIL-12", "no function needs a second look", "core/accounts/staff.py",
        "SECOND_LOOK = frozenset({JobFunction.OFFICER})", "SECOND_LOOK: frozenset[JobFunction] = frozenset()", _FUNCTIONS,
    ),
    Mutation(
        "NST-10", "an idle account goes on", "core/accounts/staff_state.py",
        "return StaffStanding.IDLE if self.unseen(now) > IDLE_DAYS else StaffStanding.ACTIVE", "return StaffStanding.ACTIVE", _STAFF,
    ),
    Mutation(
        "RNG-30", "a customer without a time is not of the period", "engine/cohorts/customers.py",
        "if span.value and began < query.until", "if span.value and span.first and began < query.until", _COHORTS,
    ),
    Mutation(
        "RNG-30", "customers found later have no time of their own", "engine/cohorts/customers.py",
        "found += deadlines.owed(context, what, LATER, {IDENTIFIED: identified})", "pass", _COHORTS,
    ),
    Mutation(
        "RNG-30", "another letter is sent than was fixed", "engine/cohorts/letters.py",
        "if template.digest != cohort.template:", "if False:", _COHORTS,
    ),
    Mutation(
        "RNG-30", "a customer who was told is told again", "core/journal/cohorts.py",
        "_OWED = frozenset({Told.NOT_YET,", "_OWED = frozenset({Told.TAKEN, Told.NOT_YET,", _COHORTS,
    ),
)  # fmt: skip
