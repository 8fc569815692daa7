"""A wholesaler in the shape of Northwind on SQLite: its tables, columns and keys, with people, goods and letters of our own invention."""

from __future__ import annotations

import random
import sqlite3
import struct
import zlib
from contextlib import closing
from pathlib import Path

TABLES = """
CREATE TABLE Categories (CategoryID INTEGER PRIMARY KEY AUTOINCREMENT, CategoryName TEXT, Description TEXT, Picture BLOB);
CREATE TABLE CustomerDemographics (CustomerTypeID TEXT NOT NULL, CustomerDesc TEXT, PRIMARY KEY (CustomerTypeID));
CREATE TABLE Customers (CustomerID TEXT, CompanyName TEXT, ContactName TEXT, ContactTitle TEXT, Address TEXT, City TEXT, Region TEXT,
  PostalCode TEXT, Country TEXT, Phone TEXT, Fax TEXT, PRIMARY KEY (CustomerID));
CREATE TABLE CustomerCustomerDemo (CustomerID TEXT NOT NULL, CustomerTypeID TEXT NOT NULL, PRIMARY KEY (CustomerID, CustomerTypeID),
  FOREIGN KEY (CustomerID) REFERENCES Customers (CustomerID),
  FOREIGN KEY (CustomerTypeID) REFERENCES CustomerDemographics (CustomerTypeID));
CREATE TABLE Employees (EmployeeID INTEGER PRIMARY KEY AUTOINCREMENT, LastName TEXT, FirstName TEXT, Title TEXT, TitleOfCourtesy TEXT,
  BirthDate DATE, HireDate DATE, Address TEXT, City TEXT, Region TEXT, PostalCode TEXT, Country TEXT, HomePhone TEXT, Extension TEXT,
  Photo BLOB, Notes TEXT, ReportsTo INTEGER, PhotoPath TEXT, FOREIGN KEY (ReportsTo) REFERENCES Employees (EmployeeID));
CREATE TABLE Regions (RegionID INTEGER NOT NULL PRIMARY KEY, RegionDescription TEXT NOT NULL);
CREATE TABLE Territories (TerritoryID TEXT NOT NULL, TerritoryDescription TEXT NOT NULL, RegionID INTEGER NOT NULL,
  PRIMARY KEY (TerritoryID), FOREIGN KEY (RegionID) REFERENCES Regions (RegionID));
CREATE TABLE EmployeeTerritories (EmployeeID INTEGER NOT NULL, TerritoryID TEXT NOT NULL, PRIMARY KEY (EmployeeID, TerritoryID),
  FOREIGN KEY (EmployeeID) REFERENCES Employees (EmployeeID), FOREIGN KEY (TerritoryID) REFERENCES Territories (TerritoryID));
CREATE TABLE Shippers (ShipperID INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, CompanyName TEXT NOT NULL, Phone TEXT);
CREATE TABLE Suppliers (SupplierID INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, CompanyName TEXT NOT NULL, ContactName TEXT,
  ContactTitle TEXT, Address TEXT, City TEXT, Region TEXT, PostalCode TEXT, Country TEXT, Phone TEXT, Fax TEXT, HomePage TEXT);
CREATE TABLE Products (ProductID INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, ProductName TEXT NOT NULL, SupplierID INTEGER,
  CategoryID INTEGER, QuantityPerUnit TEXT, UnitPrice NUMERIC DEFAULT 0, UnitsInStock INTEGER DEFAULT 0, UnitsOnOrder INTEGER DEFAULT 0,
  ReorderLevel INTEGER DEFAULT 0, Discontinued TEXT NOT NULL DEFAULT '0', CHECK (UnitPrice >= 0), CHECK (ReorderLevel >= 0),
  CHECK (UnitsInStock >= 0), CHECK (UnitsOnOrder >= 0), FOREIGN KEY (CategoryID) REFERENCES Categories (CategoryID),
  FOREIGN KEY (SupplierID) REFERENCES Suppliers (SupplierID));
CREATE TABLE Orders (OrderID INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, CustomerID TEXT, EmployeeID INTEGER, OrderDate DATETIME,
  RequiredDate DATETIME, ShippedDate DATETIME, ShipVia INTEGER, Freight NUMERIC DEFAULT 0, ShipName TEXT, ShipAddress TEXT, ShipCity TEXT,
  ShipRegion TEXT, ShipPostalCode TEXT, ShipCountry TEXT, FOREIGN KEY (EmployeeID) REFERENCES Employees (EmployeeID),
  FOREIGN KEY (CustomerID) REFERENCES Customers (CustomerID), FOREIGN KEY (ShipVia) REFERENCES Shippers (ShipperID));
CREATE TABLE "Order Details" (OrderID INTEGER NOT NULL, ProductID INTEGER NOT NULL, UnitPrice NUMERIC NOT NULL DEFAULT 0,
  Quantity INTEGER NOT NULL DEFAULT 1, Discount REAL NOT NULL DEFAULT 0, PRIMARY KEY (OrderID, ProductID),
  CHECK (Discount >= 0 AND Discount <= 1), CHECK (Quantity > 0), CHECK (UnitPrice >= 0),
  FOREIGN KEY (OrderID) REFERENCES Orders (OrderID), FOREIGN KEY (ProductID) REFERENCES Products (ProductID));
CREATE VIEW "Order Details Extended" AS SELECT "Order Details".OrderID, "Order Details".ProductID, Products.ProductName,
  "Order Details".UnitPrice, "Order Details".Quantity, "Order Details".Discount FROM Products JOIN "Order Details"
  ON Products.ProductID = "Order Details".ProductID;
CREATE VIEW "Customer and Suppliers by City" AS SELECT City, CompanyName, ContactName, 'Customers' AS Relationship FROM Customers
  UNION SELECT City, CompanyName, ContactName, 'Suppliers' FROM Suppliers ORDER BY City, CompanyName;
"""
STAFF = (
    ("Abelard", "Nystrand", "Vice President, Sales", None),
    ("Perpetua", "Halloway", "Sales Representative", 1),
    ("Crispin", "Tolliver", "Sales Representative", 1),
    ("Leocadia", "Bramante", "Inside Sales Coordinator", 2),
)
CUSTOMERS = (
    ("QUILL", "Quillerie Martens", "Rosamund Martens", "Poplar Walk 12", "Gent", "09-555 0118"),
    ("HEGEN", "Hegenbart Feinkost", "Ansgar Hegenbart", "Lindengraben 31", "Passau", "0851-555 0147"),
    ("NORMA", "Normannia Traders", "Ansgar Oldcastle", "Gull Steps 4", "Caen", "02-31 55 01 60"),
    ("OLIVA", "Oliva y Hijos", "Remedios Oliva", "Calle Nueva 77", "Cádiz", "956-555 0139"),
    ("TESSL", "Tessel Provisions", "Joris Hegenbart-Vos", "Dijkpad 9", "Texel", "0222-555 0121"),
)
"""The second asks to be forgotten; the third has her first name, the fifth a family name that begins like hers."""
WHO = "HEGEN"
TRACES = ("Hegenbart Feinkost", "Ansgar Hegenbart", "Lindengraben", "0851-555 0147")
"""What only the one who asks has brought along."""
EACH = 24
"""Orders of each customer."""


def _picture(lots: random.Random) -> bytes:
    """Return a small picture in PNG."""
    rows = b"".join(b"\0" + lots.randbytes(24) for _ in range(8))
    parts = ((b"IHDR", struct.pack(">2I5B", 8, 8, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    chunks = (struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def make(path: Path) -> Path:
    """Make the database: some six hundred rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lots = random.Random(17)
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(TABLES)
        for name, said in (("Preserves", "Jams, pickles, and fruit in sugar"), ("Cheeses", "Hard and soft, of goat and cow")):
            picture = _picture(lots)
            db.execute("INSERT INTO Categories (CategoryName, Description, Picture) VALUES (?, ?, ?)", (name, said, picture))
        db.execute("INSERT INTO CustomerDemographics VALUES ('deli', 'Small shops that sell over the counter')")
        for number, name in enumerate(("North", "South"), 1):
            db.execute("INSERT INTO Regions VALUES (?, ?)", (number, name))
        for number in range(8):
            db.execute("INSERT INTO Territories VALUES (?, ?, ?)", (f"{10100 + 37 * number:05d}", f"District {number}", number % 2 + 1))
        for last in ("Swiftway Parcels", "Harbour Freight Union"):
            db.execute("INSERT INTO Shippers (CompanyName, Phone) VALUES (?, ?)", (last, f"0800 555 01{lots.randrange(10, 99)}"))
        for number in range(1, 5):
            row = (f"Cellar & Sons {number}", f"Ephraim Cellar {number}", "Owner", f"Quay {number}", "Leith", f"0131 555 020{number}")
            db.execute("INSERT INTO Suppliers (CompanyName, ContactName, ContactTitle, Address, City, Phone) VALUES (?,?,?,?,?,?)", row)
        for number in range(1, 31):
            row = (f"Jar no. {number}", number % 4 + 1, number % 2 + 1, f"{number} x 12 jars", 3.5 + number / 2, number * 3)
            columns = "ProductName, SupplierID, CategoryID, QuantityPerUnit, UnitPrice, UnitsInStock"
            db.execute(f"INSERT INTO Products ({columns}) VALUES (?, ?, ?, ?, ?, ?)", row)
        for number, (first, last, title, chief) in enumerate(STAFF, 1):
            notes = f"{first} read law at Uppsala and speaks three languages besides her own; joined the company in the spring."
            photo = b"\x15\x1c\x2f\x00" + lots.randbytes(500)
            row = (
                last,
                first,
                title,
                f"196{number}-05-0{number}",
                f"2019-03-1{number}",
                f"Ferry Road {number}",
                "Leith",
                photo,
                notes,
                chief,
            )
            columns = "LastName, FirstName, Title, BirthDate, HireDate, Address, City, Photo, Notes, ReportsTo"
            db.execute(f"INSERT INTO Employees ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            for at in (number, number + 3):
                db.execute("INSERT INTO EmployeeTerritories VALUES (?, ?)", (number, f"{10100 + 37 * at:05d}"))
        order = 10_248
        for code, firm, contact, street, city, phone in CUSTOMERS:
            columns = "CustomerID, CompanyName, ContactName, ContactTitle, Address, City, Country, Phone"
            row = (code, firm, contact, "Owner", street, city, "EU", phone)
            db.execute(f"INSERT INTO Customers ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
            db.execute("INSERT INTO CustomerCustomerDemo VALUES (?, 'deli')", (code,))
            for each in range(EACH):
                day = f"2026-0{each % 8 + 1}-1{each % 9}"
                row = (order, code, each % 4 + 1, day, day, day, each % 2 + 1, 12.5 + each, firm, street, city, "EU")
                columns = "OrderID, CustomerID, EmployeeID, OrderDate, RequiredDate, ShippedDate, ShipVia, Freight, ShipName, ShipAddress"
                db.execute(f"INSERT INTO Orders ({columns}, ShipCity, ShipCountry) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", row)
                for product in lots.sample(range(1, 31), 3):
                    db.execute(
                        'INSERT INTO "Order Details" VALUES (?, ?, ?, ?, 0)', (order, product, 3.5 + product / 2, lots.randrange(1, 40))
                    )
                order += 1
    return path
