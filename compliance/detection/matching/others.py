"""Words that say that the number beside them is no person's: an order, a product, a version."""

from __future__ import annotations

OTHER_WORDS: tuple[str, ...] = (
    *("order", "order no", "order number", "invoice", "invoice no", "invoice number"),
    *("product", "product number", "article number", "item number", "part number", "sku"),
    *("serial number", "serial no", "batch", "lot number", "model number", "tracking*"),
    *("parcel", "shipment", "ticket", "case number", "reference number", "ref", "isbn", "issn"),
    *("ean", "gtin", "upc", "asin", "doi", "build", "revision", "commit", "checksum", "hash"),
    *("version*", "verze", "wersja", "versione", "versión", "versie", "versio*", "версия"),
    *("timestamp", "unix time", "epoch", "transaction id", "booking number", "quantity"),
    *("bestellung*", "bestellnummer*", "bestell nr", "auftrag*", "rechnung*", "artikel*"),
    *("seriennummer*", "sendung*", "paket*", "vorgangsnummer*", "aktenzeichen", "chargen*"),
    *("commande*", "facture*", "référence", "numéro de série", "colis", "réf"),
    *("pedido*", "factura*", "referencia", "número de serie", "envío*", "albarán"),
    *("ordine", "ordini", "fattura*", "numero di serie", "spedizione", "codice articolo"),
    *("bestelling*", "bestelnummer*", "factuur*", "artikelnummer*", "serienummer*", "zending*"),
    *("encomenda*", "fatura*", "número de série", "zamówieni*", "faktur*", "numer seryjny"),
    *("przesyłk*", "objednávk*", "objednávc*", "sériové číslo", "zásilk*", "zásielk*"),
    *("comandă", "comanda", "comenzii", "factură", "factura", "număr de serie", "colet*"),
    *("rendelés*", "számla*", "sorozatszám*", "csomag*", "cikkszám*", "beställning*"),
    *("ordernummer*", "fakturanummer*", "tilaus*", "lasku*", "sarjanumero*", "viitenumero*"),
    *("ordre*", "varenummer*", "pakke*", "naročil*", "račun*", "narudžb*", "pošiljk*"),
    *("užsakym*", "sąskait*", "siunt*", "pasūtījum*", "rēķin*", "sūtījum*", "tellimus*"),
    *("arve", "arve number", "saadetis*", "поръчк*", "фактур*", "пратк*", "παραγγελί*"),
    *("τιμολόγι*", "αποστολ*", "ordni", "fattura", "ordú", "sonrasc*"),
)
