"""The Spanish words of the receipt page and its annex, and how it writes numbers and days.

Tables of the plain part have the keys of those of :mod:`expunge.core.pages.receipt_v6_words`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.datamap import EraseAct
from expunge.core.datamap.grounding import Grounding
from expunge.core.datamap.mentions import MentionAct
from expunge.core.evidence.receipt import Result
from expunge.core.evidence.receipt_codec import instant
from expunge.core.evidence.unread_places import PlaceKind
from expunge.core.models.membership_opinion import Opinion
from expunge.core.models.model_outcomes import ComparisonResult, NetworkAccess, SourceAccess
from expunge.core.values.order import OrderKind
from expunge.core.values.outcome import Reason

KINDS: Mapping[DataKind, tuple[str, str]] = {
    DataKind.ACCOUNT: ("cuenta", "cuentas"),
    DataKind.PROFILE: ("perfil", "perfiles"),
    DataKind.DEVICE: ("dispositivo", "dispositivos"),
    DataKind.CONSENT: ("registro de un permiso", "registros de permisos"),
    DataKind.VOICE: ("grabación de voz", "grabaciones de voz"),
    DataKind.VIDEO: ("vídeo", "vídeos"),
    DataKind.PICTURE: ("imagen", "imágenes"),
    DataKind.DETAILS: ("ficha de una grabación", "fichas de grabaciones"),
    DataKind.TRANSCRIPT: ("transcripción", "transcripciones"),
    DataKind.MESSAGE: ("mensaje", "mensajes"),
    DataKind.CONVERSATION: ("conversación", "conversaciones"),
    DataKind.VOICEPRINT: ("huella de voz", "huellas de voz"),
    DataKind.FACEPRINT: ("huella facial", "huellas faciales"),
    DataKind.EMBEDDING: ("vector", "vectores"),
    DataKind.LOCATION: ("punto de ubicación", "puntos de ubicación"),
    DataKind.EVENT: ("dato de uso", "datos de uso"),
    DataKind.NOTE: ("nota de revisión", "notas de revisión"),
    DataKind.EXAMPLE: ("ejemplo de entrenamiento", "ejemplos de entrenamiento"),
    DataKind.CONTENTS: ("entrada de búsqueda", "entradas de búsqueda"),
    DataKind.SEGMENT: ("entrada en un grupo", "entradas en grupos"),
    DataKind.MODEL: ("modelo", "modelos"),
    DataKind.COPY: ("copia", "copias"),
    DataKind.BACKUP: ("copia de seguridad", "copias de seguridad"),
    DataKind.RECORD: ("registro", "registros"),
}
FROM: Mapping[OrderKind, str] = {
    OrderKind.ERASURE: "una solicitud de borrado",
    OrderKind.WITHDRAWAL: "un permiso que se retiró",
    OrderKind.EXPIRY: "el final del plazo de conservación publicado",
    OrderKind.INACTIVITY: "un largo tiempo sin uso",
    OrderKind.DISGORGEMENT: "una orden de un tribunal o regulador",
}
DONE: Mapping[EraseAct, str] = {
    EraseAct.ERASE: "borrado",
    EraseAct.FORGET: "ha olvidado a esta persona",
    EraseAct.REBUILD: "hecho de nuevo sin los datos de esta persona",
    EraseAct.RETRAIN: "entrenado de nuevo sin los datos de esta persona",
    EraseAct.DESTROY: "borrado por completo",
    EraseAct.KEEP: "conservado",
}
DONE_TO_CLASS: Mapping[EraseAct, str] = {
    EraseAct.FORGET: "lo ha olvidado",
    EraseAct.REBUILD: "hecho de nuevo sin ello",
    EraseAct.RETRAIN: "entrenado de nuevo sin ello",
}
DEPTH: Mapping[Grounding, str] = {
    Grounding.NONE: "No se pudo comprobar nada.",
    Grounding.HIDDEN: "Comprobado: ningún sistema lo muestra ya. Los datos mismos pueden seguir ahí.",
    Grounding.REMOVED: (
        "Comprobado: ningún archivo ni tabla en uso lo contiene. Versiones antiguas, registros o espacio libre pueden contenerlo."
    ),
    Grounding.SCRUBBED: "Comprobado: ningún archivo contiene rastro de ello, tampoco versiones antiguas, registros ni espacio libre.",
    Grounding.DEVICE: "Comprobado: su disco se desechó, o estaba cifrado con una clave que ya no existe.",
}
BUT_OTHERS = "Comprobado: ningún archivo contiene rastro de ello, salvo palabras que también tienen los datos de otras personas."
_AGAIN = "La empresa puede intentarlo otra vez."
WHY: Mapping[Reason, str] = {
    Reason.READER_OPEN: f"Un programa todavía lo lee. {_AGAIN}",
    Reason.LOCKED: f"Otro programa lo tiene ocupado. {_AGAIN}",
    Reason.PERMISSION: "El programa de la empresa no tenía permiso para borrarlo.",
    Reason.CORRUPT: "Está dañado y no se puede leer.",
    Reason.ENCRYPTED: "Está cifrado y no se pudo leer.",
    Reason.DISK_FULL: f"No había sitio para escribirlo de nuevo. {_AGAIN}",
    Reason.UNREACHABLE: f"No se pudo llegar al sistema que lo guarda. {_AGAIN}",
    Reason.SCHEMA_CHANGED: "El sistema que lo guarda cambió, y la empresa tiene que decir cómo.",
    Reason.REFERENCED: "Otros datos dependen de ello.",
    Reason.UNSUPPORTED: "El sistema que lo guarda no puede borrarlo.",
    Reason.NO_RUNNER: "La empresa no tiene ningún programa para hacerlo.",
    Reason.COMMAND_FAILED: "El programa de la empresa para hacerlo falló.",
    Reason.TOO_LONG: "El programa de la empresa para hacerlo tardó demasiado.",
    Reason.TOO_MUCH_MEMORY: "El programa de la empresa para hacerlo necesitó más memoria de la que había.",
    Reason.SAME_AS_BEFORE: "El programa de la empresa para hacerlo no cambió nada.",
    Reason.TOO_SHALLOW: "El sistema que lo guarda no puede borrar tan a fondo como la empresa tiene que hacerlo.",
    Reason.OUTSIDE_WINDOW: "Se borra a las horas que la empresa ha fijado, y todavía no han llegado.",
    Reason.RESIDUE: "Después se encontraron rastros de ello.",
    Reason.MENTIONED: "Registros de otras personas todavía nombran a esta persona.",
    Reason.CANNOT_TELL: "No se pudo saber si ya no está.",
    Reason.CAME_BACK: "Se borró, y volvió a aparecer.",
    Reason.ERROR: "Hubo un fallo.",
}
MONTHS = ("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre")
ABOUT: Mapping[bool, str] = {False: "sobre esta persona", True: "de esta orden"}
"""The words for an order's data, by whether the order is about a class."""
RESULT: Mapping[Result, str] = {
    Result.ERASED: "borrado",
    Result.ABSENT: "no había nada",
    Result.KEPT: "conservado",
    Result.UNABLE: "no se pudo",
}
GROUNDING: Mapping[Grounding, str] = {
    Grounding.NONE: "ninguna",
    Grounding.HIDDEN: "oculto",
    Grounding.REMOVED: "quitado",
    Grounding.SCRUBBED: "sin rastro",
    Grounding.DEVICE: "disco",
}
"""The words for depth."""
REASON: Mapping[Reason, str] = {
    Reason.READER_OPEN: "un programa lo lee",
    Reason.LOCKED: "ocupado",
    Reason.PERMISSION: "sin permiso",
    Reason.CORRUPT: "dañado",
    Reason.ENCRYPTED: "cifrado",
    Reason.DISK_FULL: "disco lleno",
    Reason.UNREACHABLE: "no se pudo llegar",
    Reason.SCHEMA_CHANGED: "la estructura cambió",
    Reason.REFERENCED: "otros datos dependen de ello",
    Reason.UNSUPPORTED: "este sistema no puede hacerlo",
    Reason.NO_RUNNER: "sin programa para hacerlo",
    Reason.COMMAND_FAILED: "el programa falló",
    Reason.TOO_LONG: "el programa tardó demasiado",
    Reason.TOO_MUCH_MEMORY: "el programa necesitó demasiada memoria",
    Reason.SAME_AS_BEFORE: "el programa devolvió el modelo antiguo",
    Reason.TOO_SHALLOW: "el mapa pide más de lo que este sistema alcanza",
    Reason.OUTSIDE_WINDOW: "fuera de las horas fijadas",
    Reason.RESIDUE: "se encontraron rastros",
    Reason.MENTIONED: "nombrado en filas de otras personas",
    Reason.CANNOT_TELL: "no se puede saber",
    Reason.CAME_BACK: "los datos volvieron",
    Reason.ERROR: "fallo",
}
"""The short words of the annex; :data:`WHY` has the sentences."""
PLACE: Mapping[PlaceKind, str] = {
    PlaceKind.OPAQUE: "declarado como ilegible",
    PlaceKind.IGNORED: "declarado sin datos personales",
    PlaceKind.UNDECLARED: "no declarado",
}
MENTION: Mapping[MentionAct, str] = {
    MentionAct.NULL: "Se quitó el nombre; no hay nada en su lugar.",
    MentionAct.REPLACE: "Se quitó el nombre; en su lugar hay otro que no es de ninguna persona.",
    MentionAct.KEEP: "Se queda: el registro es de otra persona.",
}
COMPARED: Mapping[ComparisonResult, str] = {
    ComparisonResult.NOT_ASKED: "No se pidió compararlo con un entrenamiento desde cero.",
    ComparisonResult.EQUAL: "Un proceso nuevo que nunca tuvo los datos de la persona hace lo mismo, bit por bit.",
    ComparisonResult.DIFFERS: "Un proceso nuevo que nunca tuvo los datos de la persona hace otro: el que hay puede haberlos usado.",
    ComparisonResult.COULD_NOT: "No se pudo comparar con un entrenamiento desde cero.",
}
SAME_WEIGHTS = (
    "Un proceso nuevo que nunca tuvo los datos de la persona aprende lo mismo, bit por bit; no se compararon los nombres de la ejecución "
    "ni las horas que el formato escribe al lado."
)
VARIES = "Un proceso nuevo que nunca tuvo los datos de la persona hace otro, y otro distinto la segunda vez: esto no muestra nada."
SIGHT: Mapping[SourceAccess, str] = {
    SourceAccess.NOT_ASKED: "",
    SourceAccess.HIDDEN: " No podía leer los archivos con los que se comparó.",
    SourceAccess.OPEN: " Podía leer los archivos con los que se comparó; que no los copió lo dice la empresa.",
}
NETWORK: Mapping[NetworkAccess, str] = {
    NetworkAccess.NOT_RUN: "",
    NetworkAccess.SHUT: "El programa que lo hizo no tenía acceso a la red.",
    NetworkAccess.OPEN: "El programa que lo hizo puede usar la red: la empresa lo permite.",
    NetworkAccess.COULD_NOT: "El programa que lo hizo debía estar sin red, y este ordenador no puede hacer eso.",
}
OPINION: Mapping[Opinion, str] = {
    Opinion.PASS: "un ataque podía saber quién había estado en él, y ya no puede (PASS).",
    Opinion.FAIL: "un ataque todavía puede saber quién estaba en él (FAIL).",
    Opinion.INCONCLUSIVE: "un ataque tampoco podía saberlo antes, así que no dice nada (INCONCLUSIVE).",
}
MANIFEST: Mapping[bool, str] = {
    False: "Se cree en la lista; no se comparó nada con ella.",
    True: "Hecho de nuevo con exactamente los registros de su lista, salió igual, bit por bit.",
}
"""The words for the trust in a list, by whether the artefact was made again from it."""


def figure(value: int) -> str:
    """Return a number with points between thousands."""
    return f"{value:,}".replace(",", ".")


def counted(value: int, one: str, several: str) -> str:
    """Return a number with its noun."""
    return f"{figure(value)} {one if value == 1 else several}"


def day(when: datetime) -> str:
    """Return a day in words, UTC, as HTML."""
    return f'<time datetime="{instant(when)}">{when.day} de {MONTHS[when.month - 1]} de {when.year}</time>'


def moment(when: datetime) -> str:
    """Return an instant in words, to the second, UTC, as HTML."""
    written = f"{when.day} de {MONTHS[when.month - 1]} de {when.year}, {when:%H:%M:%S} UTC"
    return f'<time datetime="{instant(when)}">{written}</time>'
