"""The words that a proposal recognises. Names outside these lists may be people's, so they are never written down."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

KINDS = {
    "account": "accounts",
    "user": "users",
    "customer": "customers",
    "household": "households",
    "family": "families",
    "guardian": "guardians",
    "parent": "parents",
    "profile": "profiles",
    "child": "children",
    "member": "members",
    "speaker": "speakers",
    "student": "students",
    "patient": "patients",
    "player": "players",
    "subject": "subjects",
    "person": "people",
}
"""Identity kind -> its plural; owners before those who belong to them."""

ALSO = ("email", "e_mail", "email_address", "mail", "phone", "phone_number", "serial", "serial_number")
"""Columns by which the same person may be named."""

MEDIA = ("flac", "wav", "mp3", "ogg", "opus", "m4a", "aac", "pcm", "raw", "mp4", "mov", "mkv", "webm", "avi", "jpg", "jpeg", "png", "heic")
RECORDS = {"jsonl": "jsonl", "ndjson": "jsonl", "csv": "csv"}
OTHERS = ("json", "txt", "xml", "yaml", "log", "bin", "npy", "parquet", "onnx", "pt", "db", "sqlite", "sqlite3", "faiss", "index", "ids")
KNOWN_ENDINGS = (
    *("zip", "tar", "tgz", "7z", "bak", "old", "sql", "dump", "pdf", "doc", "docx", "odt", "rtf", "xls", "xlsx", "ods", "ppt", "pptx"),
    *("htm", "html", "md", "eml", "msg", "mbox", "vcf", "ics", "tsv", "toml", "ini", "cfg", "conf", "b64", "pickle", "pkl", "npz", "h5"),
    *("gif", "svg", "tif", "tiff", "bmp", "webp", "amr", "wma"),
)
"""Endings of other files, which are written down as they are."""
TRACKS = ("gpx", "geojson", "kml", "nmea", "fit", "tcx")
"""Endings of files that devices write along their way."""
CATEGORIES = {
    **dict.fromkeys(("flac", "wav", "mp3", "ogg", "opus", "m4a", "aac", "pcm"), "user.content.audio"),
    **dict.fromkeys(("mp4", "mov", "mkv", "webm", "avi"), "user.content.video"),
    **dict.fromkeys(("jpg", "jpeg", "png", "heic"), "user.content.photo"),
    **dict.fromkeys(TRACKS, "user.location.precise"),
}
"""Ending of a file -> Fideslang category of what it holds."""
COMPRESSED = ("gz",)
JUNK = (".DS_Store", "Thumbs.db", "desktop.ini")

TIMES = (
    "recorded_at",
    "created_at",
    "created",
    "captured_at",
    "started_at",
    "sent_at",
    "date_joined",
    "timestamp",
    "time",
    "date",
    "joined_at",
)
"""Columns from which a period may run, the likeliest first."""
OTHER_TIMES = frozenset(
    {"birth", "birthday", "born", "dob", "expire", "expires", "expiry", "deleted", "updated", "due", "required", "last"}
)
"""Words of columns with a time that is not the one of making."""
CHANGES = frozenset({"update", "updated", "modified", "changed"})
"""Words of columns with the time of a change: it is never before the making."""
FIRST_NAMES = frozenset(
    {"first_name", "firstname", "given_name", "givenname", "forename", "vorname", "vornamen", "rufname", "prenom", "prenoms", "voornaam"}
    | {"roepnaam", "primer_nombre", "nombre_de_pila", "primeiro_nome", "nome_proprio"}
)
LAST_NAMES = frozenset(
    {
        "last_name",
        "lastname",
        "family_name",
        "familyname",
        "surname",
        "nachname",
        "familienname",
        "zuname",
        "nom_de_famille",
        "nomdefamille",
    }
    | {
        "nomdefamille",
        "nom_famille",
        "apellido",
        "apellidos",
        "apellido1",
        "apellido2",
        "primer_apellido",
        "cognome",
        "achternaam",
        "familienaam",
    }
    | {"sobrenome", "apelido", "apelidos", "ultimo_nome"}
)
EITHER_NAMES = frozenset({"nom", "nombre", "nombres", "nome", "naam"})
"""Words for the name of anything, which is a forename beside a surname, and a surname beside a forename."""
PERSON_ONLY = frozenset(
    {*FIRST_NAMES, *LAST_NAMES, "birthday", "birthdate", "birth", "born", "dob", "gender", "sex", "password", "passwd", "pwd", "ssn"}
    | {"salutation", "nationality", "marital", "passport", "geburtstag", "geburtsdatum", "geschlecht", "anrede", "passwort", "kennwort"}
    | {"naissance", "sexe", "civilite", "nacimiento", "sexo", "contrasena", "nascita", "sesso", "geboortedatum", "geslacht", "wachtwoord"}
    | {"nascimento", "senha"}
)
"""Columns, and words of columns, that only rows about people have."""
CONTACTS = frozenset({"contact_name", "contactname", "contact_person", "contactperson"})
"""Columns that name whom to talk to at a company."""
CONTACT_WORDS = frozenset({"contact", "support", "billing", "sales", "office"})
"""Words of columns by which a company, and no person of its own, is reached."""
COMPANIES = frozenset(
    {"company", "firm", "organisation", "organization", "vat", "companyname", "firma", "firmenname", "unternehmen", "ustid", "societe"}
    | {"siret", "siren", "empresa", "azienda", "bedrijf", "bedrijfsnaam", "kvk", "cnpj"}
)
"""Words of columns that only rows about companies have."""
PHONES = frozenset(
    {"phone", "phones", "telephone", "tel", "mobile", "cell", "msisdn", "handy", "telefon", "telefono", "telefone", "telefoon"}
    | {"telefonnummer", "telefoonnummer", "mobil", "mobiel", "movil", "celular", "cellulare", "portable"}
)
THINGS = frozenset(
    {"price", "sku", "stock", "cost", "category", "description", "title", "quantity", "units", "weight", "country", "colour", "color"}
)
"""Words of columns that rows about things have: a name beside them is a thing's."""
LOGINS = frozenset({"username", "user_name", "login", "loginname", "login_name", "nickname", "handle"})
PERSONAL = frozenset(
    {
        *ALSO,
        *FIRST_NAMES,
        *LAST_NAMES,
        *LOGINS,
        "address",
        "street",
        "street_address",
        "address1",
        "address_line1",
        "birthday",
        "birth_date",
    }
    | {"strasse", "anschrift", "adresse", "geburtsdatum", "geburtstag", "telefon", "date_naissance", "date_de_naissance", "courriel"}
    | {"direccion", "calle", "correo", "fecha_nacimiento", "fecha_de_nacimiento", "telefono", "indirizzo", "data_di_nascita"}
    | {"adres", "straat", "telefoon", "geboortedatum", "endereco", "telefone", "data_nascimento"}
    | {"date_of_birth", "dob", "fax", "mobile", "ip", "ip_address", "ssn", "full_name", "fullname", "latitude", "longitude"}
)
"""Columns that tell something about a person wherever they stand."""
ACTORS = frozenset(
    {"created", "modified", "updated", "approved", "reviewed", "deleted", "assigned", "uploaded", "changed", "edited", "moderated"}
    | {"approver", "reviewer", "editor", "assignee", "moderator", "support", "rep", "seller", "handler", "referred", "invited", "inviter"}
)
"""Words of columns that name who did something to a row, and not whose it is."""
OWNERS = frozenset(
    {"owner", "author", "buyer", "payer", "payee", "sender", "recipient", "receiver", "holder", "client", "guest", "borrower", "reader"}
    | {"uid", "who", "own", "owned", "belongs", "pupil", "learner", "tenant", "donor", "visitor", "subscriber"}
    | {"follower", "followed", "friend", "driver", "rider", "passenger", "speaker", "participant", "attendee", "applicant", "candidate"}
)
"""Words of columns that name whose a row is."""
STAFF = frozenset(
    {"employee", "staff", "agent", "seller", "operator", "admin", "mitarbeiter", "mitarbeiterin", "angestellte", "beschaftigte"}
    | {"beschaeftigte", "employe", "salarie", "empleado", "trabajador", "dipendente", "impiegato", "werknemer", "medewerker"}
    | {"funcionario", "empregado"}
)
"""Words of people who work for the company."""
PEOPLE = frozenset(
    {"client", "kunde", "kundin", "benutzer", "nutzer", "anwender", "patientin", "mitglied", "mitglieder", "schuler", "schueler"}
    | {"teilnehmer", "abonnent", "versicherte", "einwohner", "personne", "cliente", "utilisateur", "abonne", "adherent", "eleve"}
    | {"usuario", "paciente", "persona", "miembro", "socio", "alumno", "suscriptor", "utente", "paziente", "iscritto", "studente"}
    | {"abbonato", "klant", "gebruiker", "leerling", "abonnee", "persoon", "leden", "assinante", "aluno"}
    | {"pessoa", "membro"}
    | (STAFF - {"employee", "staff", "agent", "seller", "operator", "admin"})
)
"""Words by which tables of people are named, beside the kinds; in other languages as well."""
ROLES = frozenset(
    {"coach", "trainer", "teacher", "instructor", "tutor", "worker", "nurse", "doctor", "physician", "pilot", "skipper", "contact"}
    | {"requester", "reporter", "signer", "signatory", "renter", "winner", "witness", "victim", "heir", "caretaker", "keeper", "nanny"}
    | {"mother", "father", "spouse", "partner", "husband", "wife", "besitzer", "inhaber", "eigentumer", "eigentuemer", "halter", "fahrer"}
    | {"gast", "proprietaire", "titulaire", "conducteur", "propietario", "titular", "conductor", "proprietario", "eigenaar", "bestuurder"}
    | {"ansprechpartner", "ansprechpartnerin", "kontaktperson", "kontakt", "dozent", "dozentin", "betreuer", "betreuerin", "professor"}
    | {"professeur", "enseignant", "responsable", "profesor", "profesora", "contacto", "professore", "responsabile", "referente"}
    | {"contatto", "docent", "contactpersoon", "professora", "contato", "responsavel", "verantwortlicher", "sachbearbeiter"}
    | {"resident", "occupant", "citizen", "voter", "volunteer", "lehrer", "mieter", "locataire", "inquilino", "inquilina", "huurder"}
)
"""Words of columns and tables that name people by what they do or are to others."""
GROUPS = frozenset(
    """
    hotel hostel motel department division supplier vendor manufacturer distributor wholesaler retailer shipper carrier vessel
    ship boat shop store warehouse depot branch office school university college academy institute faculty kindergarten club team league
    association society company firm corporation enterprise business organisation organization org agency bureau clinic hospital
    practice pharmacy laboratory lab restaurant cafe bar pub venue theatre theater cinema museum gallery stadium arena gym studio station
    stop airport port harbour harbor site location place city town village municipality district region country building house home
    property apartment flat floor room hall project programme program product item article good brand label model device machine sensor
    camera computer server printer phone vehicle car truck van bus bike bicycle scooter train aircraft airplane plane flight campaign
    publisher newspaper magazine channel airline railway bank insurer insurance fund charity foundation church parish
    ministry authority court embassy police union government franchise chain dealer dealership garage workshop factory plant mill
    farm zone area route line group class course grade section unit squad tour event festival conference
    firma unternehmen betrieb abteilung lieferant hersteller haendler filiale niederlassung zweigstelle schule hochschule
    universitat universitaet verein mannschaft agentur klinik krankenhaus praxis apotheke gaststatte gaststaette lokal standort gebaude
    gebaeude haus wohnung zimmer raum projekt produkt artikel gerat geraet fahrzeug schiff boot lager laden geschaft geschaeft marke verlag
    fluggesellschaft bahnhof kampagne veranstaltung ort stadt
    fournisseur fabricant societe entreprise departement service magasin boutique entrepot succursale bureau ecole lycee equipe agence
    clinique hopital hopitaux pharmacie salle batiment maison appartement chambre projet produit appareil vehicule voiture navire bateau
    bateaux marque editeur banque gare campagne ville
    proveedor fabricante empresa compania departamento tienda almacen sucursal oficina escuela colegio universidad equipo agencia clinica
    farmacia restaurante edificio casa piso habitacion sala proyecto producto dispositivo vehiculo coche barco buque marca editorial banco
    aerolinea estacion campana ciudad
    leverancier fabrikant bedrijf bedrijven afdeling winkel magazijn filiaal filialen kantoor kantoren school scholen vereniging ploeg
    bureau kliniek ziekenhuis ziekenhuizen apotheek gebouw gebouwen huis kamer ruimte product apparaat apparaten voertuig schip schepen
    merk uitgever bank stad
    fornitore produttore azienda impresa ditta dipartimento reparto negozio magazzino ufficio scuola universita squadra agenzia ospedale
    ristorante edificio appartamento camera stanza progetto prodotto dispositivo veicolo nave marchio editore banca stazione albergo
    alberghi citta
    """.split()  # noqa: SIM905 - three hundred quotes read worse
)
"""Words of tables that list organisations, places, groups and things: an address or a telephone number there is the office's."""

_PLAIN = frozenset(
    """
    account accounts analytics answer answers app archive archived asset assets attachment attachments audio backup backups cache call
    calls camera cameras capture captures chat chats child children clip clips content conversation conversations csv customer customers
    daily data database dataset datasets db device devices doc docs document documents embedding embeddings event events export exports
    eval face faces feature features feed file files flac frame frames gps guardian history household households image images import
    incoming index input item items json label labels location locations log logs main map media member members message messages meta
    metadata metric metrics mic model models monthly motion note notes old output parent parents part participant participants patient
    patients photo photos picture pictures player players position positions processed profile profiles prompt prompts public queue raw
    rec record recording recordings records report reports request requests response responses room rooms sample samples segment segments
    sensor sensors server session sessions sidecar sidecars snapshot snapshots sound sounds speaker speakers speech state static store
    student students sub subject subjects task tasks telemetry temp test text texts thumb thumbs thumbnail thumbnails tmp track tracks
    trail trails train training transcript transcripts trip trips upload uploads usage user users utterance utterances vector vectors
    version video videos voice voices wake wav weekly word words yearly
    """.split()  # noqa: SIM905 - two hundred quotes read worse
)
_DATE = re.compile(r"(19|20)[0-9]{2}([-_]?[0-9]{2}){0,2}")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PLURALS = (
    ("", ""),
    ("ies", "y"),
    ("s", ""),
    ("es", ""),
    ("nen", ""),
    ("n", ""),
    ("en", ""),
    ("e", ""),
    ("i", "o"),
    ("i", "e"),
    ("e", "a"),
)
"""Endings of plurals, with those of the singulars."""
_ID = re.compile(r"([a-z_]+?)_?(id|uuid|key|ref|no|number)?")


def folded(name: str) -> str:
    """Return a name in small letters without accents: ``Prénom`` -> prenom."""
    return "".join(each for each in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(each))


def words_of(name: str) -> tuple[str, ...]:
    """The words that a name of a schema is made of, folded: ``SupportRepId`` -> support, rep, id."""
    return tuple(part for part in re.split(r"[^a-z0-9]+", folded(_CAMEL.sub("_", name))) if part)


def known_singular(word: str, known: Collection[str]) -> str:
    """Return the word of a list of which a folded word is the singular or a plural; empty where there is none."""
    found = (word.removesuffix(many) + one for many, one in _PLURALS if word.endswith(many))
    return next((each for each in found if each in known), "")


def lists_groups(table: str) -> bool:
    """Return whether a table is named after organisations, places, groups or things."""
    last = words_of(table.rpartition(".")[2])[-1:]
    return bool(last) and bool(known_singular(last[0], GROUPS))


def is_plain(text: str) -> bool:
    """Return whether a name is made of everyday technical words only, so that it is no person's name."""
    parts = [part for part in re.split(r"[-_. ]+", _CAMEL.sub("_", text).lower()) if part]
    return bool(parts) and all(part in _PLAIN for part in parts)


def is_date(text: str) -> bool:
    """Return whether a name is a year, a month or a day."""
    return bool(_DATE.fullmatch(text))


def kind_of(field: str) -> str | None:
    """The identity kind that a column, key or placeholder names: ``profile_id``, ``profileId``, ``user`` -> profile, profile, user."""
    found = _ID.fullmatch(_CAMEL.sub("_", field).lower())
    stem = found[1].strip("_") if found else ""
    return "user" if field.lower() == "uid" else stem if stem in KINDS else None


def is_field(name: str) -> bool:
    """Return whether a key of a record may be written down: it names a kind of person or an everyday thing's id, never a person."""
    return kind_of(name) is not None or name in ALSO or (name.endswith("_id") and is_plain(name.removesuffix("_id")))


def home_of(table: str) -> str | None:
    """The identity kind that a table lists: ``profiles`` -> profile."""
    name = table.lower()
    return next((kind for kind, plural in KINDS.items() if name in {kind, plural} or name.endswith(f"_{plural}")), None)
