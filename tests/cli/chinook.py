"""A shop for music in the shape of Chinook: its tables and columns, with a few people and songs of our own invention."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

TABLES = """
CREATE TABLE Artist (ArtistId INTEGER NOT NULL PRIMARY KEY, Name NVARCHAR(120));
CREATE TABLE Album (AlbumId INTEGER NOT NULL PRIMARY KEY, Title NVARCHAR(160) NOT NULL,
  ArtistId INTEGER NOT NULL REFERENCES Artist (ArtistId));
CREATE TABLE Genre (GenreId INTEGER NOT NULL PRIMARY KEY, Name NVARCHAR(120));
CREATE TABLE MediaType (MediaTypeId INTEGER NOT NULL PRIMARY KEY, Name NVARCHAR(120));
CREATE TABLE Track (TrackId INTEGER NOT NULL PRIMARY KEY, Name NVARCHAR(200) NOT NULL, AlbumId INTEGER REFERENCES Album (AlbumId),
  MediaTypeId INTEGER NOT NULL REFERENCES MediaType (MediaTypeId), GenreId INTEGER REFERENCES Genre (GenreId), Composer NVARCHAR(220),
  Milliseconds INTEGER NOT NULL, Bytes INTEGER, UnitPrice NUMERIC(10,2) NOT NULL);
CREATE TABLE Playlist (PlaylistId INTEGER NOT NULL PRIMARY KEY, Name NVARCHAR(120));
CREATE TABLE PlaylistTrack (PlaylistId INTEGER NOT NULL REFERENCES Playlist (PlaylistId),
  TrackId INTEGER NOT NULL REFERENCES Track (TrackId),
  PRIMARY KEY (PlaylistId, TrackId));
CREATE TABLE Employee (EmployeeId INTEGER NOT NULL PRIMARY KEY, LastName NVARCHAR(20) NOT NULL, FirstName NVARCHAR(20) NOT NULL,
  Title NVARCHAR(30), ReportsTo INTEGER REFERENCES Employee (EmployeeId), BirthDate DATETIME, HireDate DATETIME, Address NVARCHAR(70),
  City NVARCHAR(40), State NVARCHAR(40), Country NVARCHAR(40), PostalCode NVARCHAR(10), Phone NVARCHAR(24), Fax NVARCHAR(24),
  Email NVARCHAR(60));
CREATE TABLE Customer (CustomerId INTEGER NOT NULL PRIMARY KEY, FirstName NVARCHAR(40) NOT NULL, LastName NVARCHAR(20) NOT NULL,
  Company NVARCHAR(80), Address NVARCHAR(70), City NVARCHAR(40), State NVARCHAR(40), Country NVARCHAR(40), PostalCode NVARCHAR(10),
  Phone NVARCHAR(24), Fax NVARCHAR(24), Email NVARCHAR(60) NOT NULL, SupportRepId INTEGER REFERENCES Employee (EmployeeId));
CREATE TABLE Invoice (InvoiceId INTEGER NOT NULL PRIMARY KEY, CustomerId INTEGER NOT NULL REFERENCES Customer (CustomerId),
  InvoiceDate DATETIME NOT NULL, BillingAddress NVARCHAR(70), BillingCity NVARCHAR(40), BillingState NVARCHAR(40),
  BillingCountry NVARCHAR(40),
  BillingPostalCode NVARCHAR(10), Total NUMERIC(10,2) NOT NULL);
CREATE TABLE InvoiceLine (InvoiceLineId INTEGER NOT NULL PRIMARY KEY, InvoiceId INTEGER NOT NULL REFERENCES Invoice (InvoiceId),
  TrackId INTEGER NOT NULL REFERENCES Track (TrackId), UnitPrice NUMERIC(10,2) NOT NULL, Quantity INTEGER NOT NULL);
CREATE INDEX IFK_CustomerSupportRepId ON Customer (SupportRepId);
CREATE INDEX IFK_InvoiceCustomerId ON Invoice (CustomerId);
CREATE INDEX IFK_InvoiceLineInvoiceId ON InvoiceLine (InvoiceId);
"""
STAFF = (
    ("Winterbourne", "Paloma", "General Manager", None),
    ("Ashgrove", "Quentin", "Sales Manager", 1),
    ("Quillon", "Marisol", "Sales Support Agent", 2),
    ("Vandermeer", "Benedek", "IT Manager", None),
)
CUSTOMERS = (
    ("Thaddeus", "Ashgrove", "Rook Street 11", "Leeds", "+44 113 496 0101", 3),
    ("Ottilie", "Kessler", "Farngasse 40", "Graz", "+43 316 555 0172", 3),
    ("Cosima", "Quillon", "Lark Row 9", "Delft", "+31 15 555 0133", 3),
    ("Amadeus", "Peverell", "Quince Lane 27", "Graz", "+43 316 555 0144", None),
)
"""The first has the family name of an employee, the third as well. The second asks to be forgotten."""
WHO = 2
TRACES = ("Ottilie", "Kessler", "ottilie.kessler", "Farngasse", "555 0172", "5550172")
"""What only the one who asks has brought along."""


def make(path: Path) -> Path:
    """Make the database."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(TABLES)
        for name in ("The Tin Herons", "Marsh Lantern", "Opal Weir"):
            db.execute("INSERT INTO Artist (Name) VALUES (?)", (name,))
            db.execute("INSERT INTO Album (Title, ArtistId) SELECT ?, max(ArtistId) FROM Artist", (f"Songs of {name}",))
        for table, names in (("Genre", ("Folk", "Choral")), ("MediaType", ("MPEG audio file", "FLAC")), ("Playlist", ("Evening", "Road"))):
            db.executemany(f"INSERT INTO {table} (Name) VALUES (?)", [(name,) for name in names])
        for number in range(1, 25):
            row = (
                number,
                f"Movement {number}",
                number % 3 + 1,
                number % 2 + 1,
                number % 2 + 1,
                "A. Bellweather",
                200_000 + number * 997,
                number * 80_021,
            )
            db.execute("INSERT INTO Track VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0.99)", row)
            db.execute("INSERT INTO PlaylistTrack VALUES (?, ?)", (number % 2 + 1, number))
        for last, first, title, chief in STAFF:
            mail = f"{first}.{last}@shop.example".lower()
            columns = "LastName, FirstName, Title, ReportsTo, BirthDate, HireDate, City, Email"
            values = (last, first, title, chief, "1971-03-02 00:00:00", "2019-05-06 00:00:00", "Graz", mail)
            db.execute(f"INSERT INTO Employee ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
        for number, (first, last, street, city, phone, agent) in enumerate(CUSTOMERS, 1):
            columns = "FirstName, LastName, Address, City, Phone, Email, SupportRepId"
            mail = f"{first}.{last}@post.example".lower()
            db.execute(f"INSERT INTO Customer ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", (first, last, street, city, phone, mail, agent))
            for each in range(3):
                columns = "CustomerId, InvoiceDate, BillingAddress, BillingCity, Total"
                values = (number, f"2026-0{each + 1}-1{number} 00:00:00", street, city, 1.98)
                done = db.execute(f"INSERT INTO Invoice ({columns}) VALUES (?, ?, ?, ?, ?)", values)
                for track in (number + each, number + each + 9):
                    db.execute(
                        "INSERT INTO InvoiceLine (InvoiceId, TrackId, UnitPrice, Quantity) VALUES (?, ?, 0.99, 1)", (done.lastrowid, track)
                    )
    return path
