"""The words of direct notices, in English and Spanish. A word that changes makes a notice of another version."""

from __future__ import annotations

from collections.abc import Mapping

from expunge.core.datamap.artefact import DataKind

ENGLISH, SPANISH = "en", "es"
WORDS: Mapping[str, Mapping[str, str]] = {
    ENGLISH: {
        "company": "This company",
        "why-heading": "Why you are asked",
        "why-asked": "{company} wants to use data of a child. It asks you, as the child's parent or guardian.",
        "why-address": "{company} has your address or number for this question alone.",
        "why-no": "Without your consent it does nothing of what it asks for here.",
        "what-heading": "What you are asked for",
        "what-none": "Nothing at present: no use of data rests on your consent.",
        "also-heading": "What is used without asking, to run the service",
        "use": "{what}. Data: {items}.",
        "others-heading": "Who else gets the data",
        "others-none": "No other company gets it for ends of its own.",
        "others": "{who}. What for: {what}. Data: {items}.",
        "others-choice": "This is a choice of its own: you can agree to all else and say no to it.",
        "suppliers": "These work for the company and get parts of the data: {who}.",
        "how-heading": "How you can agree",
        "how-email plus": "By mail: you answer a message, and a second message some time later.",
        "how-text plus": "By text message: you answer a message, and a second message some time later.",
        "how-signed form": "By a signed form: you print it, sign it and send a picture of it. A person looks at it.",
        "silence-heading": "If you do nothing",
        "silence": "You have not agreed. After {days} days what was kept to ask you is deleted, your address or number with it.",
        "later-heading": "Later",
        "later": "You can see and delete what is held, and take each consent back, as easily as you gave it.",
        "contact": "Questions: {contact}",
    },
    SPANISH: {
        "company": "Esta empresa",
        "why-heading": "Por qué se le pregunta",
        "why-asked": "{company} quiere usar datos de un menor. Le pregunta a usted, como padre, madre o responsable.",
        "why-address": "{company} tiene su dirección o su número solo para esta pregunta.",
        "why-no": "Sin su consentimiento no hace nada de lo que pide aquí.",
        "what-heading": "Qué se le pide",
        "what-none": "Nada por ahora: ningún uso de datos depende de su consentimiento.",
        "also-heading": "Qué se usa sin preguntar, para que el servicio funcione",
        "use": "{what}. Datos: {items}.",
        "others-heading": "Quién más recibe los datos",
        "others-none": "Ninguna otra empresa los recibe para sus propios fines.",
        "others": "{who}. Para qué: {what}. Datos: {items}.",
        "others-choice": "Es una decisión aparte: puede aceptar todo lo demás y decir no a esto.",
        "suppliers": "Estas empresas trabajan para la compañía y reciben parte de los datos: {who}.",
        "how-heading": "Cómo puede aceptar",
        "how-email plus": "Por correo: responde a un mensaje y, un tiempo después, a otro.",
        "how-text plus": "Por mensaje de texto: responde a un mensaje y, un tiempo después, a otro.",
        "how-signed form": "Con un formulario firmado: lo imprime, lo firma y envía una imagen. Una persona lo mira.",
        "silence-heading": "Si no hace nada",
        "silence": "No ha aceptado. A los {days} días se borra lo que se guardó para preguntarle, también su dirección o su número.",
        "later-heading": "Después",
        "later": "Puede ver y borrar lo que se guarda y retirar cada consentimiento, tan fácilmente como lo dio.",
        "contact": "Preguntas: {contact}",
    },
}
"""Language -> name of a phrase -> the phrase."""

KINDS: Mapping[str, Mapping[DataKind, str]] = {
    SPANISH: {
        DataKind.VOICE: "grabaciones de voz",
        DataKind.VIDEO: "vídeos",
        DataKind.PICTURE: "imágenes",
        DataKind.DETAILS: "detalles de grabaciones",
        DataKind.TRANSCRIPT: "transcripciones",
        DataKind.MESSAGE: "mensajes",
        DataKind.CONVERSATION: "conversaciones",
        DataKind.VOICEPRINT: "huellas de voz",
        DataKind.FACEPRINT: "huellas faciales",
        DataKind.EMBEDDING: "vectores aprendidos",
        DataKind.LOCATION: "puntos de ubicación",
        DataKind.EVENT: "eventos de uso",
        DataKind.NOTE: "notas de revisores",
        DataKind.EXAMPLE: "ejemplos de entrenamiento",
        DataKind.CONTENTS: "entradas de búsqueda",
        DataKind.ACCOUNT: "datos de la cuenta",
        DataKind.PROFILE: "perfiles",
        DataKind.DEVICE: "dispositivos",
        DataKind.CONSENT: "consentimientos",
        DataKind.SEGMENT: "grupos",
        DataKind.MODEL: "modelos",
        DataKind.COPY: "copias",
        DataKind.BACKUP: "copias de seguridad",
        DataKind.RECORD: "registros",
    },
}
"""Language -> kind of data -> its words; in English a kind is its own word."""
