"""The technical annex of the receipt page in Spanish: the sections of version 6, over the same statement.

Headings, labels, results and explanations are translated. What was signed as text stays as it was signed: names of the map, grounds,
reasons, paths, and the sentences about what is out of scope. Sentences that the program wrote are marked as English.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from expunge.core.datamap.datamap import EraseAct
from expunge.core.datamap.grounding import Grounding
from expunge.core.datamap.mentions import MentionAct
from expunge.core.evidence import receipt as r
from expunge.core.evidence.receipt_codec import instant
from expunge.core.evidence.unread_places import bucket
from expunge.core.models.membership_opinion import AttackFigures, Membership, Opinion
from expunge.core.models.model_outcomes import ComparisonResult
from expunge.core.pages import receipt_v1 as v1
from expunge.core.pages import receipt_v6 as v6
from expunge.core.pages import receipt_v6_spanish_words as words
from expunge.core.values.outcome import Reason

_LOOKED = (
    "<p>Cada lugar se leyó otra vez de las formas normales. Además, un programa que no hizo el borrado buscó en sus bytes huellas del "
    "contenido de la persona, que se tomaron antes. El número de la última columna es la nota de abajo que dice cómo.</p>\n"
)
_FIRST_OF_MODELS = (
    "<p>Lo que se aprende de las grabaciones dura más que ellas. Cada una de estas cosas se hizo con esos datos. Desde que se cumplió la "
    "orden, ya no se usa nada que hubiera aprendido de la persona. Los números y las frases de la última columna son de la empresa.</p>\n"
)
_STAYED = (
    "<p>Estos se hicieron con datos del mismo tipo, y no con los de esta persona: cada uno tiene una lista sellada de todas las personas "
    "de las que aprendió, junto con las huellas de sus archivos, y la persona no está en ella. Se dejaron como estaban. Una lista puede "
    "estar mal donde no se comparó nada con ella.</p>\n"
)
_SECOND_OPINION = (
    "<p>Una segunda opinión pregunta cuántas veces un ataque toma a una persona que se debe olvidar por una que estaba en el modelo, y no "
    "por una que nunca estuvo: la mitad de las veces es como tirar una moneda, y no muestra nada. Solo cuenta donde el ataque funcionaba "
    "antes. Nunca es la prueba: no ve copias en otros lugares, y de veinte borrados honrados uno falla por azar. Los números son de la "
    "empresa; se comprobó que concuerdan.</p>\n"
)
_SUMMARY = "<summary>Marcas del contenido antiguo y huellas (SHA-256) del nuevo</summary>\n"
_OLD_ONES = (
    "<p>Los antiguos habían aprendido de la persona. Por eso solo los representan marcas hechas con una clave de la empresa: solo ella "
    "puede saber si un archivo es uno de ellos.</p>\n"
)
_SHARED = (
    "<p>Una lista de ciudades, o una línea que no escribió ninguna persona, puede tener una palabra que también tenían los datos de esta "
    "persona. Se queda.</p>\n"
)
_UNREAD = (
    "<p>Ningún conjunto de datos del mapa explica estos lugares. Lo que la empresa declara como ilegible se buscó tal como está, sin "
    "abrirlo; la razón es de la empresa. Bytes de otros lugares que no se pueden leer impiden decir que un sistema está limpio.</p>\n"
)
_OTHERS = (
    "<p>{} o más registros de otras personas tienen texto que también tenían los datos de esta persona: una frase que citan, un nombre "
    "que escribieron, una ciudad común. Los registros son de esas personas, y se quedan como están.</p>\n"
)
_LOST = (
    "<p>La empresa dice de quién son los registros de estos conjuntos de datos, y algunos no nombran a nadie que ella conozca. Ninguna "
    "solicitud llega a ellos. Este recibo no puede decir si alguno es de esta persona.</p>\n"
)
_BROKEN = frozenset({Reason.COMMAND_FAILED, Reason.TOO_LONG, Reason.TOO_MUCH_MEMORY})
_PERCENT = ("accuracy_before", "accuracy_after")


def annex(receipt: r.Receipt) -> str:
    """Return the annex, as HTML without a style."""
    parts = (
        _places(receipt),
        _kept(receipt),
        _depths(receipt),
        _models(receipt),
        _mentions(receipt),
        _shared(receipt),
        _unread(receipt),
        _others(receipt),
        _orphaned(receipt),
        _scope(receipt),
        _check(receipt),
        _details(receipt),
    )
    body = "".join(parts).replace("<h2>", "<h3>").replace("</h2>", "</h3>")
    return f'<section class="annex">\n<h2>Anexo técnico</h2>\n{body}</section>\n'


# --- places -----------------------------------------------------------------------------------------------


def _places(receipt: r.Receipt) -> str:
    notes: dict[str, int] = {}
    rows = []
    for each in receipt.datasets:
        numbers = [str(notes.setdefault(note, len(notes) + 1)) for note in _notes_of(receipt, each)]
        depth = words.GROUNDING[each.claimed] if each.outcome in (r.Result.ERASED, r.Result.UNABLE) else v1.NONE
        asked = f" (se pedía: {words.GROUNDING[each.asked]})" if each.claimed < each.asked and depth != v1.NONE else ""
        rows.append(
            (
                f"{v1.text(each.dataset)} <small>en {v1.text(each.store)} ({v1.text(each.kind)})</small>",
                _result(receipt, each),
                words.figure(each.items),
                f"{depth}{asked}",
                f"<sup>{', '.join(numbers)}</sup>" if numbers else v1.NONE,
            )
        )
    table = v1.table(("Lugar", "Resultado", "Elementos", "Profundidad", "Notas"), rows)
    listed = "".join(f"<li>{note}</li>\n" for note in notes)
    return v1.section("Lugar por lugar", f"{_LOOKED}{table}<ol>\n{listed}</ol>\n")


def _result(receipt: r.Receipt, entry: r.DatasetEntry) -> str:
    if entry.reason:
        return f"{words.RESULT[entry.outcome]}: {words.REASON[entry.reason]}"
    another = entry.outcome is r.Result.ERASED and entry.act is not EraseAct.ERASE
    some = v6.less_than_a_person(receipt)
    done = words.DONE_TO_CLASS.get(entry.act, words.DONE[entry.act]) if some else words.DONE[entry.act]
    return done if another else words.RESULT[entry.outcome]


def _notes_of(receipt: r.Receipt, entry: r.DatasetEntry) -> Iterable[str]:
    if entry.probe is not None and entry.probe.could_not:
        yield f"No se pudo leer otra vez: {_english(entry.probe.could_not)}."
    elif entry.probe is not None:
        found = words.counted(entry.probe.items_found, "elemento", "elementos")
        verb = "volvió" if entry.probe.items_found == 1 else "volvieron"
        yield f"Leído otra vez por {v1.text(', '.join(entry.probe.paths)) or v1.NONE}: {verb} {found}."
    if entry.scan is not None:
        yield f"{v1.text(entry.store)}: {_scanned(receipt, entry.scan)}"


def _scanned(receipt: r.Receipt, scan: r.Scan) -> str:
    if scan.accounted is not None:
        told = (
            "aquí nada es bastante largo para buscarlo, o lo tienen también otras personas. <strong>Cada byte tiene explicación</strong> "
            f"({_size(scan.accounted.bytes)} en archivos): es de una fila en uso, repite una, es estructura o es cero."
        )
        return f"{_searched(scan)}: {told} {_controlled(scan)}{_skipped(scan)}"
    if scan.traces_taken == 0:
        return "No había nada que buscar en los bytes."
    gone = "no se encontró ninguna huella fuera de los datos de otras personas" if receipt.stays_with_others else "no se encontró ninguna"
    said = {
        r.ScanVerdict.GONE: gone,
        r.ScanVerdict.PRESENT: f"se encontraron {_range(scan.found)} huellas",
        r.ScanVerdict.CANNOT_TELL: "esta búsqueda no puede saberlo",
    }[scan.verdict]
    looked_for = f"se buscaron {_range(scan.traces_usable)} de {_range(scan.traces_taken)} huellas"
    return f"{_searched(scan)}; {looked_for}: <strong>{said}</strong>. {_controlled(scan)}{_shares(scan)}{_skipped(scan)}"


def _searched(scan: r.Scan) -> str:
    extent = {
        r.ScanMode.ALL: "todo",
        r.ScanMode.CHANGED: f"lo que cambió desde el {words.moment(scan.since) if scan.since else ''}",
        r.ScanMode.SAMPLE: "una muestra",
    }[scan.mode]
    files = words.counted(scan.files, "archivo", "archivos")
    return f"Bytes leídos ({extent}: {files}, {_size(scan.bytes)} en disco, {_size(scan.decoded_bytes)} sin comprimir)"


def _controlled(scan: r.Scan) -> str:
    if scan.no_controls:
        return "Control: ninguno, porque aquí no se queda ninguna persona cuyo contenido se pueda buscar."
    found, asked = words.figure(scan.controls_found), words.figure(scan.controls_asked)
    return f"Control: se encontró contenido de personas que se quedan en {found} de {asked} casos."


def _shares(scan: r.Scan) -> str:
    forms = " También se leyó lo que está escrito de otras formas (base64, hexadecimal, escapes)." if scan.forms else ""
    if not scan.values:
        return forms
    share = f"el {scan.share} %" if scan.share else "menos del 10 %"
    return f" De los {_range(scan.values)} valores bastante largos, se buscaron partes en {share}.{forms}"


def _skipped(scan: r.Scan) -> str:
    if not scan.skipped:
        return ""
    return f" Sin leer: {', '.join(f'{words.figure(each.count)} {_english(each.reason)}' for each in scan.skipped)}."


def _kept(receipt: r.Receipt) -> str:
    rows = [
        (v1.text(each.dataset), words.figure(each.items), v1.text(each.ground), words.day(each.until) if each.until else "sin fecha")
        for each in receipt.kept
    ]
    return v1.section("Lo que se conserva", v1.table(("Lugar", "Elementos", "Razón", "Hasta"), rows)) if rows else ""


def _depths(receipt: r.Receipt) -> str:
    used = {each.claimed for each in receipt.datasets if each.outcome in (r.Result.ERASED, r.Result.UNABLE)}
    used |= {each.asked for each in receipt.datasets if each.claimed < each.asked and each.outcome is r.Result.UNABLE}
    if not used:
        return ""
    items = "".join(f"<dt>{words.GROUNDING[each]}</dt><dd>{_depth(receipt, each)}</dd>\n" for each in sorted(used, reverse=True))
    return v1.section("Qué significan las palabras de la profundidad", f"<dl>\n{items}</dl>\n")


def _depth(receipt: r.Receipt, grounding: Grounding) -> str:
    others = grounding is Grounding.SCRUBBED and receipt.stays_with_others
    return words.BUT_OTHERS if others else words.DEPTH[grounding]


# --- models -----------------------------------------------------------------------------------------------


def _models(receipt: r.Receipt) -> str:
    if not receipt.models:
        return ""
    rows = [
        (
            v1.text(model.dataset),
            "<br>".join(filter(None, (_done(receipt, model), words.NETWORK[model.network]))),
            _against(model),
            _told(model),
        )
        for model in receipt.models
    ]
    contents = "".join(
        f"<dt>{v1.text(model.dataset)}</dt><dd>antes: <code>{' '.join(model.before)}</code><br>"
        f"ahora: <code>{' '.join(model.after) or v1.NONE}</code></dd>\n"
        for model in receipt.models
        if model.before
    )
    how = f'<details>\n{_SUMMARY}{_OLD_ONES}<dl class="fine">\n{contents}</dl>\n</details>\n'
    table = v1.table(("Aprendió de ello", "Qué pasó", "Comparación", "Lo que la empresa dice"), rows)
    return v1.section("Lo que se aprendió de la persona", _FIRST_OF_MODELS + table + _stays(receipt) + _opinions(receipt) + how)


def _done(receipt: r.Receipt, model: r.ModelEntry) -> str:
    entry = next(dataset for dataset in receipt.datasets if dataset.dataset == model.dataset)
    if entry.outcome is r.Result.UNABLE:
        broken = model.act in (EraseAct.RETRAIN, EraseAct.REBUILD) and entry.reason in _BROKEN
        why = "Destruido; todavía no se pudo hacer otro" if broken else "Sin hacer"
        return f"{why}: las razones están en la tabla de los lugares. Ya no se usa."
    if not model.before:
        return "Queda como está: según su lista sellada, nunca tuvo los datos de la persona (vea más abajo)."
    beside = " Otros nunca tuvieron los datos de la persona y se quedaron (vea más abajo)." if model.stayed else ""
    return f"{_gone(model)}{beside}"


def _gone(model: r.ModelEntry) -> str:
    if model.act is EraseAct.FORGET:
        return "Olvidó a la persona y se usa otra vez." if model.after else "Destruido."
    again = {EraseAct.RETRAIN: "entrenado de nuevo con lo que queda", EraseAct.REBUILD: "hecho de nuevo con lo que queda"}.get(model.act)
    return f"Destruido, y {again}." if again and model.after else "Destruido; no hay nada en su lugar."


def _against(model: r.ModelEntry) -> str:
    proof = _compared(model) if model.after else "No queda nada que comparar." if model.before else v1.NONE
    return proof if model.membership is None else f"{proof}<br>Segunda opinión: {words.OPINION[model.membership.verdict]}"


def _compared(model: r.ModelEntry) -> str:
    sight = words.SIGHT[model.sight]
    if model.proof is ComparisonResult.EQUAL and model.weights:
        return f"{words.SAME_WEIGHTS}{sight}"
    if model.proof is not ComparisonResult.DIFFERS:
        return f"{words.COMPARED[model.proof]}{sight}"
    made = "".join(
        f"<br>{name}: <code>{' '.join(digests) or v1.NONE}</code>"
        for name, digests in (("está", model.weights or model.after), ("se hizo", model.fresh), ("se hizo otra vez", model.again))
    )
    return f"{words.VARIES if model.varies else words.COMPARED[ComparisonResult.DIFFERS]}{sight}{made}"


def _told(model: r.ModelEntry) -> str:
    known = {figure.name: figure.value for figure in model.figures}
    lines = []
    if all(name in known for name in _PERCENT):
        before, after = (f"{_decimal(known[name])} %" for name in _PERCENT)
        lines.append(f"Aciertos con las personas que se quedan: {before} antes, {after} después.")
    lines += [f"{v1.text(name.replace('_', ' '))}: {words.figure(value)}" for name, value in known.items() if name not in _PERCENT]
    lines += [v1.text(sentence) for sentence in model.said]
    return "<br>".join(lines) or v1.NONE


def _stays(receipt: r.Receipt) -> str:
    rows = [(model.dataset, one) for model in receipt.models for one in model.stayed]
    if not rows:
        return ""
    lines = "".join(
        f"<dt>{v1.text(name)}</dt><dd>Sellado {instant(one.sealed)}; abarca {v1.text(', '.join(one.sources))}. "
        f"{words.MANIFEST[one.proof is ComparisonResult.EQUAL]}<br><code>{' '.join(one.contents)}</code></dd>\n"
        for name, one in rows
    )
    return f'{_STAYED}<dl class="fine">\n{lines}</dl>\n'


def _opinions(receipt: r.Receipt) -> str:
    asked = [(model.dataset, model.membership) for model in receipt.models if model.membership is not None]
    lines = "".join(f"<dt>{v1.text(name)}</dt><dd>{_numbers(each)}</dd>\n" for name, each in asked)
    return f"{_SECOND_OPINION}<dl>\n{lines}</dl>\n" if asked else ""


def _numbers(each: Membership) -> str:
    caught = "se habría notado" if each.control is Opinion.FAIL else "no se habría notado"
    looked = f" La empresa lo miró y dice: {v1.text(each.looked_at)}" if each.looked_at else ""
    people = f"{words.figure(each.forgotten)} personas que se deben olvidar, {words.figure(each.outsiders)} que nunca estuvieron en él"
    return (
        f"{each.verdict.value}. Acierta el {_share(each.before)} antes y el {_share(each.after)} después, con {people} y "
        f"{words.figure(each.references)} modelos más para comparar. Si no se hubiera olvidado nada, {caught}.{looked}"
    )


def _share(each: AttackFigures) -> str:
    area, low, high = (_decimal(part) for part in (each.auc, each.low, each.high))
    return f"{area} % de las veces (de {low} a {high})"


# --- data of others, and what is left out -----------------------------------------------------------------


def _mentions(receipt: r.Receipt) -> str:
    if not receipt.mentions:
        return ""
    staying = sum(each.items for each in receipt.mentions if each.act is MentionAct.KEEP)
    verb = "menciona a esta persona, y se queda" if staying == 1 else "mencionan a esta persona, y se quedan"
    told = f"<p>{words.counted(staying, 'registro', 'registros')} de otras personas {verb}.</p>\n" if staying else ""
    rows = [(v1.text(each.dataset), v1.text(each.column), words.figure(each.items), words.MENTION[each.act]) for each in receipt.mentions]
    return v1.section(
        "Registros de otras personas que nombran a la persona", told + v1.table(("Dónde", "Columna", "Registros", "Qué pasó"), rows)
    )


def _shared(receipt: r.Receipt) -> str:
    rows = [(v1.text(each.store), v1.text(each.dataset), words.figure(each.items)) for each in receipt.shared_values]
    heads = ("Sistema", "Dónde", "Valores")
    return v1.section("Valores en datos que no son de ninguna persona", _SHARED + v1.table(heads, rows)) if rows else ""


def _unread(receipt: r.Receipt) -> str:
    rows = [
        (
            v1.text(each.store),
            v1.text(each.pattern) or v1.NONE,
            words.PLACE[each.kind],
            _range(each.files),
            _range(each.unread_files),
            v1.text(each.reason) or v1.NONE,
        )
        for each in receipt.unread
    ]
    heads = ("Sistema", "Dónde", "Qué", "Archivos", "Ilegibles", "Por qué")
    return v1.section("Lugares que nada explica", _UNREAD + v1.table(heads, rows)) if rows else ""


def _others(receipt: r.Receipt) -> str:
    if not receipt.others_text:
        return ""
    rows = [
        (v1.text(each.store), v1.text(each.dataset), f"{words.figure(each.items)} o más", v1.text(", ".join(each.fields)))
        for each in receipt.others_text
    ]
    told = _OTHERS.format(words.figure(bucket(sum(each.items for each in receipt.others_text))))
    heads = ("Sistema", "Dónde", "Registros", "Dónde lo tenía esta persona")
    return v1.section("Registros de otras personas con el mismo texto", told + v1.table(heads, rows))


def _orphaned(receipt: r.Receipt) -> str:
    rows = [(v1.text(each.store), v1.text(each.dataset), f"{words.figure(each.items)} o más") for each in receipt.orphaned]
    heads = ("Sistema", "Dónde", "Registros")
    return v1.section("Registros que no llevan a nadie conocido", _LOST + v1.table(heads, rows)) if rows else ""


def _scope(receipt: r.Receipt) -> str:
    of_the_map = {each.says for each in receipt.outside}
    lines = "".join(
        f"<li>{_where(stores)}{v1.text(sentence) if sentence in of_the_map else _english(sentence)}</li>\n"
        for sentence, stores in v6.left_out(receipt).items()
    )
    return v1.section("De qué no habla este recibo", f"<p>Estas frases están como se firmaron.</p>\n<ul>\n{lines}</ul>\n")


def _where(stores: Sequence[str]) -> str:
    return f"<strong>{v1.text(', '.join(stores))}</strong>: " if stores else ""


def _check(receipt: r.Receipt) -> str:
    return v1.section(
        "Cómo comprobarlo usted",
        "<p>El recibo tiene siete archivos. En su carpeta, cualquier ordenador con OpenSSL 3 puede comprobar la firma:</p>\n"
        "<pre><code>openssl pkeyutl -verify -pubin -inkey signer.pem -rawin \\\n  -in receipt.pae -sigfile receipt.sig</code></pre>\n"
        '<p>Responde <em lang="en">Signature Verified Successfully</em>. Para comprobarlo todo, también la página en inglés, con '
        "claves que usted tiene de otro sitio:</p>\n"
        "<pre><code>expunge receipt verify . --trust THEIR-KEYS.txt</code></pre>\n"
        f"<p>El recibo está anotado en el registro <code>{v1.text(receipt.log)}</code>. Su lugar allí, y la prueba de que está, se "
        "encuentran en <code>receipt.tlog-proof</code>. Quien guardó un recibo notaría que el registro se escribió de nuevo.</p>\n",
    )


def _details(receipt: r.Receipt) -> str:
    made_by = f"{receipt.tool.name} {receipt.tool.version}, página {receipt.tool.page}"
    rows = [
        ("Orden", receipt.order),
        ("Compromiso con la persona", receipt.commitment),
        ("Plan (SHA-256)", receipt.plan_digest),
        *([("Mapa de datos (SHA-256)", receipt.map_digest)] if receipt.map_digest else []),
        ("Clave que firma", receipt.signer),
        ("Claves de confianza (SHA-256)", receipt.policy_digest),
        ("Buscado por", ", ".join(sorted({each.scan.scanner for each in receipt.datasets if each.scan})) or v1.NONE),
        ("Hecho por", made_by),
    ]
    listed = "".join(f"<dt>{name}</dt><dd><code>{v1.text(value)}</code></dd>\n" for name, value in rows)
    return v1.section("Datos para quien comprueba", f'<dl class="fine">\n{listed}</dl>\n')


# --- words and numbers ------------------------------------------------------------------------------------


def _english(text: str) -> str:
    """Return a text that the program wrote, escaped and marked as English."""
    return f'<span lang="en">{v1.text(text)}</span>'


def _range(count: int) -> str:
    least = bucket(count)
    return f"{words.figure(least)} a {words.figure(least * 10 - 1)}" if least else "0"


def _size(value: int) -> str:
    return v1.size(value).replace(".", ",")


def _decimal(hundredths: int) -> str:
    """Return a number of hundredths, with two places: shares of an attack are ten-thousandths, which are hundredths of a percent."""
    return f"{hundredths / 100:.2f}".replace(".", ",")
