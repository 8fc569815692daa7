"""The receipt page in Spanish: a translation of what version 6 says in plain words, over the same statement.

It is made for its reader and is no part of the receipt: ``receipt.html`` is what a check compares, and stays as it was issued. It may be
bettered at any time, because nothing is checked against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.datamap import EraseAct
from expunge.core.datamap.grounding import Grounding
from expunge.core.datamap.mentions import MentionAct
from expunge.core.evidence import receipt as r
from expunge.core.models.membership_opinion import Opinion
from expunge.core.pages import receipt_v1 as v1
from expunge.core.pages import receipt_v6 as v6
from expunge.core.pages import receipt_v6_spanish_words as words
from expunge.core.pages.receipt_v6_spanish_annex import annex

_REST = "Esta orden era sobre una parte de los datos de esta persona. Todo lo demás se queda."
_TRANSLATED = (
    "<p>Esta página es una traducción. La empresa firmó los datos del recibo y la página en inglés <code>receipt.html</code>. "
    "Los nombres, las razones y las frases que se firmaron como texto están como se firmaron.</p>\n"
)


def render(statement: bytes) -> bytes:
    """Return the page, UTF-8, one file without scripts, pictures or network. Raises EvidenceInvalid unless given a statement."""
    receipt, page = r.parse(statement), v6.render(statement).decode()
    head = page.partition("<main>\n")[0]
    english_title = f"<title>Receipt {v1.text(receipt.order)}</title>"
    head = head.replace('<html lang="en">', '<html lang="es">', 1).replace(
        english_title, f"<title>Recibo {v1.text(receipt.order)}</title>", 1
    )
    return f"{head}<main>\n{_header(receipt)}{body(statement)}{annex(receipt)}</main>\n</body>\n</html>\n".encode()


def body(statement: bytes) -> str:
    """Return the part in plain words, as HTML without a style. Raises EvidenceInvalid unless given a statement."""
    receipt = r.parse(statement)
    parts = (
        _verdict(receipt),
        _erased(receipt),
        _undone(receipt),
        _stays(receipt),
        _when(receipt),
        _approved(receipt),
        _questions(receipt, statement),
    )
    return "".join(part for part in parts if part)


def _header(receipt: r.Receipt) -> str:
    by = f"{v1.text(receipt.issuer.name)} da este recibo." if receipt.issuer else "La empresa que tenía los datos da este recibo."
    names = ", ".join(map(v1.text, receipt.sampled))
    sampled = f", por una muestra de {names}: allí no se buscó en la mayor parte de los bytes" if receipt.sampled else ""
    came = f"{words.FROM[receipt.order_kind]}, del {words.day(receipt.times.requested)}"
    order = f"Responde a la orden <strong>{v1.text(receipt.order)}</strong>, que viene de {came}."
    return f"<header>\n<h1>Recibo de borrado{sampled}</h1>\n<p>{by} {order}</p>\n{_TRANSLATED}</header>\n"


def _verdict(receipt: r.Receipt) -> str:
    look, title, told = (_done if receipt.verdict is r.Verdict.FULFILLED else _in_part)(receipt)
    return f'<section class="verdict {look}" aria-labelledby="verdict">\n<h2 id="verdict">{title}</h2>\n<p>{told}</p></section>\n'


def _done(receipt: r.Receipt) -> tuple[str, str, str]:
    checked = f" el {words.day(receipt.times.verified)}" if receipt.times.verified else ""
    whose = words.ABOUT[v6.less_than_a_person(receipt)]
    if _any_erased(receipt):
        named = any(each.act is MentionAct.KEEP for each in receipt.mentions)
        more = " Registros de otras personas todavía nombran a esta persona: vea más abajo." if named else ""
        if receipt.others_text or receipt.shared_values:
            more += " Quedan palabras que también tienen otros datos: vea más abajo."
        more += " Un ataque todavía puede saber quién estaba en un modelo: vea más abajo." if _recognised(receipt) else ""
        told = (
            f"Se borraron todos los datos {whose} que se encontraron. Después se leyó otra vez cada lugar{checked}, y no volvió nada.{more}"
        )
        return "good", "Borrado y comprobado", told
    if receipt.mentions or receipt.stays_with_others or receipt.orphaned:
        told = f"Se miró en todos los lugares{checked}, y no se vio ningún dato {whose}. Más abajo está lo que se encontró al lado."
        return "good", f"No se encontró ningún dato {whose}", told
    return "good", f"No se encontró nada {whose}", f"Se miró en todos los lugares{checked}, y ninguno tenía nada {whose}."


def _in_part(receipt: r.Receipt) -> tuple[str, str, str]:
    if open_ := sum(each.outcome is r.Result.UNABLE for each in receipt.datasets):
        places = f"{words.figure(open_)} {'lugar' if open_ == 1 else 'lugares'}"
        told = f"No se pudo terminar en {places}: vea más abajo. La orden sigue abierta hasta que la empresa termine."
        return "bad", "Todavía no está todo borrado", told
    if _any_erased(receipt):
        return "stay", "Borrado, salvo lo que se conserva", "Una parte se conserva, por las razones de más abajo."
    return "stay", "No se borró nada: lo que se encontró se conserva", "Se conserva por las razones de más abajo."


def _any_erased(receipt: r.Receipt) -> bool:
    return any(each.outcome is r.Result.ERASED for each in receipt.datasets)


def _recognised(receipt: r.Receipt) -> int:
    return sum(model.membership is not None and model.membership.verdict is Opinion.FAIL for model in receipt.models)


def _noun(kind: DataKind | None, items: int) -> str:
    one, several = words.KINDS[kind or DataKind.RECORD]
    return f"{words.figure(items)} {one if items == 1 else several}"


def _erased(receipt: r.Receipt) -> str:
    groups: dict[tuple[EraseAct, str], dict[DataKind, int]] = {}
    for each in receipt.datasets:
        if each.outcome is r.Result.ERASED:
            kinds = groups.setdefault((each.act, _depth_of(receipt, each)), {})
            kind = each.holds or DataKind.RECORD
            kinds[kind] = kinds.get(kind, 0) + each.items
    if not groups:
        return ""
    parts = [
        f"<p><strong>{_capital(_act(receipt, act))}.</strong> {depth}</p>\n{_listing(kinds)}" for (act, depth), kinds in groups.items()
    ]
    nothing = _nothing(receipt)
    return v1.section("Lo que se borró", "".join(parts) + (f"<p>{nothing}</p>\n" if nothing else ""))


def _act(receipt: r.Receipt, act: EraseAct) -> str:
    return words.DONE_TO_CLASS.get(act, words.DONE[act]) if v6.less_than_a_person(receipt) else words.DONE[act]


def _listing(kinds: Mapping[DataKind, int]) -> str:
    lines = "".join(f"<li>{_noun(kind, kinds[kind])}</li>\n" for kind in DataKind if kind in kinds)
    return f'<ul class="kinds">\n{lines}</ul>\n'


def _depth_of(receipt: r.Receipt, entry: r.DatasetEntry) -> str:
    others = entry.claimed is Grounding.SCRUBBED and receipt.stays_with_others
    return words.BUT_OTHERS if others else words.DEPTH[entry.claimed]


def _nothing(receipt: r.Receipt) -> str:
    found = {each.holds or DataKind.RECORD for each in receipt.datasets if each.outcome is not r.Result.ABSENT}
    absent = {each.holds for each in receipt.datasets if each.outcome is r.Result.ABSENT and each.holds} - found
    names = [words.KINDS[kind][1] for kind in DataKind if kind in absent]
    whose = words.ABOUT[v6.less_than_a_person(receipt)]
    return f"No se encontró nada {whose} entre {', '.join(names)}." if names else ""


def _undone(receipt: r.Receipt) -> str:
    rows = [
        (
            words.KINDS[each.holds][1] if each.holds else f"un lugar sin nombre en {v1.text(each.store)}",
            words.WHY[each.reason],
        )
        for each in receipt.datasets
        if each.outcome is r.Result.UNABLE and each.reason is not None
    ]
    lines = "".join(f"<li><strong>{_capital(name)}</strong><small>{why}</small></li>\n" for name, why in dict.fromkeys(rows))
    return v1.section("Lo que todavía no está borrado, y por qué", f'<ul class="undone">\n{lines}</ul>\n') if lines else ""


def _stays(receipt: r.Receipt) -> str:
    kinds = {each.dataset: each.holds for each in receipt.datasets}
    lines = [
        f"{_noun(kinds.get(each.dataset), each.items)}: se conserva{_until(each)}. Por qué: {v1.text(each.ground)}."
        for each in receipt.kept
    ]
    lines += [_REST] if v6.about_some(receipt) else []
    lines += list(dict.fromkeys(f"{_capital(v1.text(each.says))}." for each in receipt.outside))
    lines += _of_others(receipt)
    if receipt.orphaned:
        whose = words.ABOUT[v6.less_than_a_person(receipt)]
        lines.append(f"Algunos registros no nombran a nadie que la empresa conozca. Este recibo no puede decir si hay datos {whose} ahí.")
    if receipt.unread:
        lines.append("Algunos lugares no son de datos que la empresa nombre, o no se pueden leer. El anexo dice cuáles y por qué.")
    lines.append("Este recibo no dice nada de copias que la empresa no conoce. El anexo muestra lo que deja fuera.")
    return v1.section("Lo que se conserva, y hasta cuándo", "<ul>\n" + "".join(f"<li>{each}</li>\n" for each in lines) + "</ul>\n")


def _until(kept: r.KeptItems) -> str:
    return f" hasta el {words.day(kept.until)}" if kept.until else ", y este recibo no tiene fecha para su final"


def _of_others(receipt: r.Receipt) -> Iterable[str]:
    if receipt.others_text:
        yield "Registros de otras personas tienen algunas palabras iguales: una ciudad común, una frase citada. Se quedan."
    if gone := sum(each.items for each in receipt.mentions if each.act is not MentionAct.KEEP):
        yield f"{_noun(None, gone)} de otras personas {'nombraba' if gone == 1 else 'nombraban'} a esta persona, y ya no."
    if staying := sum(each.items for each in receipt.mentions if each.act is MentionAct.KEEP):
        yield f"{_noun(None, staying)} de otras personas {'menciona' if staying == 1 else 'mencionan'} a esta persona, y se quedan."
    if receipt.shared_values:
        yield "Listas que no tratan de ninguna persona, como una de ciudades, tienen palabras que también tenían estos datos. Se quedan."
    if any(model.stayed for model in receipt.models):
        learnt = "de lo que se borró" if v6.less_than_a_person(receipt) else "de esta persona"
        yield f"Siguen igual los modelos cuyas listas selladas muestran que no aprendieron {learnt}."
    if models := _recognised(receipt):
        yield f"Un ataque todavía puede saber quién estaba en {_noun(DataKind.MODEL, models)}. El anexo dice más."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _when(receipt: r.Receipt) -> str:
    times = receipt.times
    rows = [
        ("Orden recibida", words.moment(times.requested)),
        *([("Sin datos nuevos desde", words.moment(times.fenced))] if v6.lets_nothing_in(receipt) else []),
        ("Último borrado", words.moment(times.erased) if times.erased else "no se borró nada"),
        ("Comprobado", words.moment(times.verified) if times.verified else "no se pudo comprobar nada"),
        ("Se mira otra vez antes del", words.moment(receipt.valid_until)),
    ]
    return v1.section("Cuándo", "<dl>\n" + "".join(f"<dt>{name}</dt><dd>{value}</dd>\n" for name, value in rows) + "</dl>\n")


def _approved(receipt: r.Receipt) -> str:
    """Return who approved the plan, as version 8 says it."""
    lines = "".join(
        f"<li>Aprobado con {'la llave de acceso' if each.by_passkey else 'la clave Ed25519'} de {v1.text(each.approver)}, "
        f"el {words.moment(each.at)}.</li>\n"
        for each in receipt.approvals
    )
    told = "<p>El plan de lo que se borra se firmó antes de que se borrara nada. Las firmas son parte de este recibo.</p>\n"
    return v1.section("Quién lo aprobó", f"{told}<ul>\n{lines}</ul>\n") if lines else ""


def _questions(receipt: r.Receipt, statement: bytes) -> str:
    code = f'<span class="code">{v6.short_code(statement)}</span>'
    lines = [f"<p>El código corto de este recibo es {code}. Los recibos con códigos distintos son distintos.</p>\n"]
    if receipt.issuer and receipt.issuer.contact:
        lines.append(f"<p>Preguntas: {v1.text(receipt.issuer.name)}, {v1.text(receipt.issuer.contact)}.</p>\n")
    if receipt.issuer and receipt.issuer.complaints:
        lines.append(f"<p>Reclamaciones: puede reclamar ante {v1.text(receipt.issuer.complaints)}.</p>\n")
    lines.append("<p>Cualquier persona puede comprobar este recibo sin la empresa: el anexo dice cómo.</p>\n")
    return v1.section("Preguntas, reclamaciones y comprobación", "".join(lines))
