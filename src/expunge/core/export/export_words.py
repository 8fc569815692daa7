"""The words of the pages of an export, in English and Spanish."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.datamap import EraseAct
from expunge.core.values.outcome import Reason


class Language(StrEnum):
    """A language that the pages are written in."""

    ENGLISH = "en"
    SPANISH = "es"


@dataclass(frozen=True)
class Words:
    """Everything that the pages say in one language. Braces are filled in."""

    itself: str
    """The language's own name."""
    title: str
    title_of: str
    made: str
    part: str
    part_last: str
    stays: str
    stays_why: str
    private: str
    held: str
    held_why: str
    kind: str
    number: str
    dates: str
    here: str
    files: str
    file: str
    nothing_here: str
    not_chosen: str
    from_to: str
    unread: str
    unread_why: str
    unread_whole: str
    unread_items: str
    learnt: str
    learnt_why: str
    learnt_from: str
    learnt_acts: Mapping[EraseAct, str]
    shared: str
    elsewhere: str
    elsewhere_why: str
    check: str
    check_first: str
    check_parts: str
    check_windows: str
    check_signed: str
    pieces: str
    pieces_why: str
    pieces_join: str
    all_parts: str
    all_parts_why: str
    page: str
    back: str
    next_page: str
    previous_page: str
    open_file: str
    open_as_text: str
    from_place: str
    piece: str
    cut: str
    cannot_play: str
    transcript: str
    rows_more: str
    map: str
    map_label: str
    map_why: str
    map_table: str
    latitude: str
    longitude: str
    north: str
    bytes: tuple[str, str, str, str, str]
    kinds: Mapping[DataKind, str]
    reasons: Mapping[Reason, str]
    point: str = "."
    """Sign before decimals."""
    group: str = ","
    """Sign between thousands."""


_EN_REASONS = {
    Reason.READER_OPEN: "another program was using it",
    Reason.LOCKED: "another program was using it",
    Reason.PERMISSION: "the export was not allowed to read it",
    Reason.CORRUPT: "it is damaged",
    Reason.ENCRYPTED: "it is locked, and the key is not here",
    Reason.DISK_FULL: "there was no room on the disk",
    Reason.UNREACHABLE: "the system that has it did not answer",
    Reason.SCHEMA_CHANGED: "the system that has it was changed",
    Reason.UNSUPPORTED: "the system that has it cannot give it out",
}
_ES_REASONS = {
    Reason.READER_OPEN: "otro programa lo estaba usando",
    Reason.LOCKED: "otro programa lo estaba usando",
    Reason.PERMISSION: "la copia no tenía permiso para leerlo",
    Reason.CORRUPT: "está dañado",
    Reason.ENCRYPTED: "está cerrado y la llave no está aquí",
    Reason.DISK_FULL: "no había espacio en el disco",
    Reason.UNREACHABLE: "el sistema que lo guarda no respondió",
    Reason.SCHEMA_CHANGED: "el sistema que lo guarda ha cambiado",
    Reason.UNSUPPORTED: "el sistema que lo guarda no puede entregarlo",
}


def _all_reasons(words: Mapping[Reason, str], other: str) -> Mapping[Reason, str]:
    return {reason: words.get(reason, other) for reason in Reason}


ENGLISH = Words(
    itself="English",
    title="Your data",
    title_of="Your data at {company}",
    made="Made on {day} at {time} UTC.",
    part="This is part {number}. More parts follow it.",
    part_last="This is part {number} of {number}.",
    stays="Downloading does not delete",
    stays_why="Everything in this copy is still held as well. To have it erased, ask for that separately.",
    private="This copy is not locked. Keep it where only people that you trust can open it.",
    held="What is held",
    held_why="Numbers are of all parts together. Dates are those that the data itself says.",
    kind="Kind",
    number="Held",
    dates="From, to",
    here="In this part",
    files="{count} files, {size}",
    file="1 file, {size}",
    nothing_here="none",
    not_chosen="not chosen",
    from_to="{first} to {last}",
    unread="What could not be read",
    unread_why="This data is held and is not in this copy. Ask again later, or ask the company.",
    unread_whole="{kind}, from {dataset}: {reason}.",
    unread_items="{kind}, from {dataset}: {count} could not be read, because {reason}.",
    learnt="What was learnt from the data",
    learnt_why="These were made from the data of many people. Nothing in them can be taken out and handed over as one person's part.",
    learnt_from="{name} was made from: {sources}.",
    learnt_acts={
        EraseAct.FORGET: "When the data is erased, it is made to forget it.",
        EraseAct.REBUILD: "When the data is erased, it is made anew without it.",
        EraseAct.RETRAIN: "When the data is erased, it is trained anew without it.",
        EraseAct.DESTROY: "When the data is erased, it is destroyed as a whole.",
        EraseAct.ERASE: "When the data is erased, the part that came from it is erased.",
        EraseAct.KEEP: "It is kept when the data is erased.",
    },
    shared="Other people are in it as well.",
    elsewhere="Copies that are not in here",
    elsewhere_why="The company also names these places, which this copy was not made from:",
    check="How to check this copy",
    check_first="On a Mac or on Linux, open a terminal in this folder. Each line has to end in OK:",
    check_parts="The file SHA256SUMS beside the parts does the same for the parts.",
    check_windows="On Windows, compare the number that this shows with the one in {file}:",
    check_signed=(
        "The company signed the list of all files. With the program expunge, and the company's keys in a file KEYS that you got elsewhere, "
        "this checks everything at once:"
    ),
    pieces="Files in pieces",
    pieces_why="A file that is larger than a part comes in pieces. Unpack all parts into one folder, then join the pieces in their order:",
    pieces_join="{name}: {count} pieces",
    all_parts="The parts",
    all_parts_why="Unpack all parts into one folder. The page of the last part then leads to everything.",
    page="page {number}",
    back="Back to the first page",
    next_page="Next page",
    previous_page="Page before",
    open_file="Open the file",
    open_as_text="Open the file as text",
    from_place="From {dataset}",
    piece="Piece {number}. Join all pieces to open it.",
    cut="Its end is missing: {reason}.",
    cannot_play="This browser cannot play it. The file opens in other programs.",
    transcript="What was said, as a machine wrote it down",
    rows_more="{count} more are in the files, and not on this page.",
    map="Map",
    map_label="A plain map with {count} places. The list below has the same.",
    map_why="The map is coarse: each dot stands for all points near it. The files have the exact points.",
    map_table="Where most points are",
    latitude="Latitude",
    longitude="Longitude",
    north="N",
    bytes=("bytes", "KB", "MB", "GB", "TB"),
    kinds={kind: kind.value.capitalize() for kind in DataKind},
    reasons=_all_reasons(_EN_REASONS, "the system that has it had a fault"),
)
SPANISH = Words(
    itself="Español",
    title="Sus datos",
    title_of="Sus datos en {company}",
    made="Copia hecha el {day} a las {time} UTC.",
    part="Esta es la parte {number}. Le siguen más partes.",
    part_last="Esta es la parte {number} de {number}.",
    stays="Descargar no borra nada",
    stays_why="Todo lo que hay en esta copia se sigue guardando. Si quiere que se borre, pídalo aparte.",
    private="Esta copia no está cerrada. Guárdela donde solo puedan abrirla personas de su confianza.",
    held="Qué se guarda",
    held_why="Los números son de todas las partes juntas. Las fechas son las que dicen los propios datos.",
    kind="Tipo",
    number="Se guardan",
    dates="Desde, hasta",
    here="En esta parte",
    files="{count} archivos, {size}",
    file="1 archivo, {size}",
    nothing_here="ninguno",
    not_chosen="no elegido",
    from_to="{first} a {last}",
    unread="Qué no se pudo leer",
    unread_why="Estos datos se guardan y no están en esta copia. Pídala más tarde otra vez o pregunte a la empresa.",
    unread_whole="{kind}, de {dataset}: {reason}.",
    unread_items="{kind}, de {dataset}: no se pudieron leer {count}, porque {reason}.",
    learnt="Qué se aprendió de los datos",
    learnt_why="Se hicieron con datos de muchas personas. No se puede separar ni entregar la parte de una sola persona.",
    learnt_from="{name} se hizo con: {sources}.",
    learnt_acts={
        EraseAct.FORGET: "Cuando se borran los datos, se hace que los olvide.",
        EraseAct.REBUILD: "Cuando se borran los datos, se hace de nuevo sin ellos.",
        EraseAct.RETRAIN: "Cuando se borran los datos, se entrena de nuevo sin ellos.",
        EraseAct.DESTROY: "Cuando se borran los datos, se destruye entero.",
        EraseAct.ERASE: "Cuando se borran los datos, se borra la parte que salió de ellos.",
        EraseAct.KEEP: "Se conserva cuando se borran los datos.",
    },
    shared="Aparecen también otras personas.",
    elsewhere="Copias que no están aquí",
    elsewhere_why="La empresa nombra además estos lugares, de los que no salió esta copia:",
    check="Cómo comprobar esta copia",
    check_first="En un Mac o en Linux, abra un terminal en esta carpeta. Cada línea debe terminar en OK:",
    check_parts="El archivo SHA256SUMS que está junto a las partes hace lo mismo con las partes.",
    check_windows="En Windows, compare el número que muestra esta orden con el de {file}:",
    check_signed=(
        "La empresa firmó la lista de todos los archivos. Con el programa expunge, y con las claves de la empresa en un archivo KEYS que "
        "haya recibido por otro camino, esto lo comprueba todo a la vez:"
    ),
    pieces="Archivos en trozos",
    pieces_why="Un archivo mayor que una parte viene en trozos. Descomprima todas las partes en una carpeta y una los trozos en orden:",
    pieces_join="{name}: {count} trozos",
    all_parts="Las partes",
    all_parts_why="Descomprima todas las partes en una misma carpeta. La página de la última parte lleva entonces a todo.",
    page="página {number}",
    back="Volver a la primera página",
    next_page="Página siguiente",
    previous_page="Página anterior",
    open_file="Abrir el archivo",
    open_as_text="Abrir el archivo como texto",
    from_place="De {dataset}",
    piece="Trozo {number}. Una todos los trozos para abrirlo.",
    cut="Falta el final: {reason}.",
    cannot_play="Este navegador no puede reproducirlo. El archivo se abre en otros programas.",
    transcript="Lo que se dijo, tal como lo escribió una máquina",
    rows_more="Hay {count} más en los archivos, que no están en esta página.",
    map="Mapa",
    map_label="Un mapa sencillo con {count} lugares. La lista de abajo dice lo mismo.",
    map_why="El mapa es aproximado: cada punto representa todos los que están cerca. Los archivos tienen los puntos exactos.",
    map_table="Dónde hay más puntos",
    latitude="Latitud",
    longitude="Longitud",
    north="N",
    bytes=("bytes", "KB", "MB", "GB", "TB"),
    kinds={
        DataKind.VOICE: "Grabaciones de voz",
        DataKind.VIDEO: "Vídeos",
        DataKind.PICTURE: "Fotos",
        DataKind.DETAILS: "Detalles de grabaciones",
        DataKind.TRANSCRIPT: "Transcripciones",
        DataKind.MESSAGE: "Mensajes",
        DataKind.CONVERSATION: "Conversaciones",
        DataKind.VOICEPRINT: "Huellas de voz",
        DataKind.FACEPRINT: "Huellas de la cara",
        DataKind.EMBEDDING: "Vectores",
        DataKind.LOCATION: "Puntos de ubicación",
        DataKind.EVENT: "Registros de uso",
        DataKind.NOTE: "Notas de revisores",
        DataKind.EXAMPLE: "Ejemplos de entrenamiento",
        DataKind.CONTENTS: "Entradas de búsqueda",
        DataKind.ACCOUNT: "Datos de la cuenta",
        DataKind.PROFILE: "Perfiles",
        DataKind.DEVICE: "Dispositivos",
        DataKind.CONSENT: "Consentimientos",
        DataKind.SEGMENT: "Grupos",
        DataKind.MODEL: "Modelos",
        DataKind.COPY: "Copias",
        DataKind.BACKUP: "Copias de seguridad",
        DataKind.RECORD: "Registros",
    },
    reasons=_all_reasons(_ES_REASONS, "el sistema que lo guarda tuvo un fallo"),
    point=",",
    group=".",
)
WORDS: Mapping[Language, Words] = {Language.ENGLISH: ENGLISH, Language.SPANISH: SPANISH}


def number(words: Words, value: int) -> str:
    """Return a number with the language's sign between thousands."""
    return f"{value:,}".replace(",", words.group)


def size(words: Words, count: int) -> str:
    """Return a size in units of a thousand, as discs and providers count."""
    value, unit = float(count), words.bytes[0]
    for unit in words.bytes:
        if value < 1000 or unit == words.bytes[-1]:
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == words.bytes[0] else f"{value:.1f} {unit}".replace(".", words.point)
