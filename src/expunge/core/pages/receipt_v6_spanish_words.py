"""The Spanish words of the receipt page: as those of :mod:`expunge.core.pages.receipt_v6_words`, each with the same keys."""

from __future__ import annotations

from collections.abc import Mapping

from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.datamap import EraseAct
from expunge.core.datamap.grounding import Grounding
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
