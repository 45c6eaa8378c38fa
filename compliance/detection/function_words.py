"""Function words of the languages whose names are known, but for English.

Most words of a text are few: a piece that has enough of them needs no model to tell its
language. Words of one letter, and words that languages of elsewhere have as
often, are left out.
"""
# ruff: noqa: RUF001 -- Cyrillic and Greek letters are meant

from __future__ import annotations

from collections.abc import Mapping

_WORDS: Mapping[str, str] = {
    "bg": (
        "на за от да се не до по парола че има ще или са ми пет часа трябва след лева сте "
        "ли си всички между при дни може това този паролата през три адрес стойност беше "
        "действие дата данни със обекти потребител чрез която ден два тип име валиден бъде "
        "му ти години отново формат преди число около работни имейл"
    ),
    "cs": (
        "se do je že za má typu pro heslo být od položky to prosím nebo byl jsem hodnota "
        "není hesla pole čas mezi než den která musí po roce před ulici mi pět mám mít "
        "položek adresu dvě data více by si bylo číslo včera roku jako všechny nyní jednání "
        "dne bolesti tři pane pozdravem paní jsme dnů kolegyně dovolenou"
    ),
    "da": (
        "ikke en er for af adgangskode at være til et du har skal eller og den kan blev din "
        "venligst med denne på må om værdi gyldig som side objekter bruger værdien alle det "
        "så vil valgte objekt heltal adresse dette fra end de valgt ind siden indeholde "
        "felt felter ændret relaterede der gyldigt cifre dato dem igen herunder men"
    ),
    "de": (
        "der die und in von den zu auf mit ist des das im sich für dem ein eine nach an als "
        "aus es wurde auch er bei werden um wird bis sie am hat einer zwischen sind durch "
        "einem über dass war zum noch einen zur vor oder aber nur sein wie so haben wieder "
        "daß kann ab man mehr"
    ),
    "el": (
        "το και στην να με του από για είναι την της τον δεν στις τα σας έχει τη ένα ότι σε "
        "στο μια που θα τιμή των δύο στον πέντε συνθηματικό μου τις πρέπει οι στη μετά ευρώ "
        "ασθενής διεύθυνση ώρες ημερομηνία σελίδα έχετε συνθηματικού μπορεί αντικείμενο ώρα "
        "νέο όνομα έγκυρη διαγραφή εκατομμύρια μία λίστα παρακάτω ημέρες χρόνια τύπου "
        "εκτίμηση"
    ),
    "es": (
        "de en el la un una que del se por no las es con para los al su contraseña este más "
        "días dos favor valor cinco ha qué tiene desde entre puede nuevo como ser cuenta "
        "todos sesión está usuario hace cada euros oficina reunión vacaciones sus artículo "
        "fecha le lo página objetos correo lista nombre sitio mi debería función"
    ),
    "et": (
        "on ja ei et või ka kui see oma ole oli salasõna ning mis korrektne väärtus olema "
        "pole peab võib olla ta seda aga välja selle üks valitud siis juba tagasi üle kuid "
        "kõik praegu rohkem nii aasta kaks saab seotud kas ainult mida vaja vaid kustutada "
        "meie vastu veel kes sisse puudub objektid tuleb vähemalt õnnestus olnud olemas "
        "kasutaja"
    ),
    "fi": (
        "on ja ei ole olla että tulee kello mukaan joka salasana arvo jälkeen tai kaksi "
        "eilen oli lääkäri osoitteessa hyvä enintään pitää vuonna kolme en hän uusi voi "
        "kelvollinen oikea teki saapui noin puheenjohtaja syntynyt suljettu kiitos kysyy "
        "euroa teen uudelleen saa vaatii tiedot myös se sitä ovat tämä mutta viestin "
        "tiedosto kokonaisluku arvon päivää päivä kertaa mitä puuttuu alla"
    ),
    "fr": (
        "de la et le les des du en que un dans au qui une il pas par pour est sur se été "
        "plus ce son vous avec ont lui sa ou sont deux passe avait nous cette mot être aux "
        "mais ses était ans qu'il rue d'un leur comme on tout sans heures fait valeur ces "
        "bien même elle peut"
    ),
    "ga": (
        "an ar agus le go ag do in seo bhfuil isteach de tá mé féidir faoi sa ann leis "
        "luach gach thoil sé chuig is bheith ina nó faire agat nach lá as tú chun cúig tar "
        "éis den liom saoire focal don níos nua dáta pasfhocal ainm mo roghnaithe inné "
        "feidhm ná bailí air dtí agam baile bhí gur"
    ),
    "hr": (
        "je se od za iz nije dana sam godine pet do su ima će lozinku po li sati ili eura "
        "nakon oko koja sa kao račun ime sve mogu između ujutro biti vrijednost lozinke "
        "jučer zbog tjedan što prezime dan više ste bi rođen pravo ga podnio protiv vidio "
        "tri kod sastanak doći napiši može godišnji rođendan rođenja paket govori"
    ),
    "hu": (
        "az és egy meg nem hogy el kell vagy után két érvényes kor öt be új majd szerint ki "
        "volt le nincs csak idő érték törlése lesz neve között tegnap miatt három múlva "
        "vagyok azt cím jelszó született ben körül ban általános tudok össze aki mit csomag "
        "jár ezer forinttal óta kárt reggel jelszavát arról mert dátum de tartalmaz lehet"
    ),
    "it": (
        "il la per non in una un che del con si ha al password le della sono stato valore "
        "nel giorni questo miliardi alle essere cinque dott tra più data valido nuovo tutti "
        "senza deve due oggetti anni alla presso dal fa residente nato visto davanti "
        "paziente mi può ho come ore nome sito se dei file pagina hai gli"
    ),
    "lt": (
        "ir kad iš yra nuo po turi su slaptažodį iki apie kaip nei prieš prie adresu darbo "
        "kuri būti per eurų arba ar bus už gali duomenų slaptažodis laišką vardas buvo "
        "vakar naują metais dėl dienas metų jis dar reikšmė nedaugiau val gyvenantis "
        "skausmo pas gyd penkias dirbo vieta miestas siuntą skaičius dabar tinkamą daugiau "
        "laikrodis kartą sėkmingai ištrinti data"
    ),
    "lv": (
        "ir un par ar no ka nav pēc uz vai pie jābūt ko kas kā līdz var bija to vairāk lai "
        "gadā dienā datums laiks vērtība pret adrese būs pirms vismaz derīgs bet darba "
        "nedēļas trīs laika šo būt vērtībai trešajā ap pilsēta sēdes sekretāre dzimusi "
        "kungs cieņu kundze sūdzību es vēstuli piecus man loceklis paku runā eiro reizes "
        "vēlreiz"
    ),
    "mt": (
        "tal ta fi il minn lil li ma għal fit fis għall is tat wara mill qed sa se dwar "
        "ġdid huwa ijiem dar tiegħek ħames pakkett hu hija it twieled fid fetaħ tfal ewro "
        "tas sena petrol kawża kontra kien lill madwar fl pazjent ilha żmien ġimgħa għand "
        "kont ħamest laqgħa nistax ħadmet tieħu leave xogħol twelid membru mingħand"
    ),
    "nl": (
        "de van het en te in dat den is een op der niet zijn die met voor aan door heeft "
        "tot om eene worden bij deze of heer hij zich dan er zal hebben als uit was men "
        "naar ten geen zou dit wordt zij maar over wachtwoord zoo ook welke nog meer zullen "
        "nu onder kan des tegen zijne"
    ),
    "pl": (
        "do się nie jest ma że za od hasło roku to po dla może być lub dni adres pięć daty "
        "wartość dwa hasła niż proszę ponownie czasu liczba znaków ta strony dnia przy "
        "zawierać jej nazwisko między wczoraj godziny musi zostało aby został pomyślnie "
        "nowe dostawy przez około pracy trzech pana poważaniem pięciu spotkanie która mam "
        "urodzenia miasto zł wysłać"
    ),
    "pt": (
        "de em para que uma um se não do palavra passe os no tem por foi sua às cinco está "
        "as dia dias ser anos ao mais favor ou pelo página das três entre euros horas conta "
        "reunião pode férias todos artigo dá este valor utilizador nova lista data ficheiro "
        "dos nome sem semana minha bem tipo como ontem ação"
    ),
    "ro": (
        "de în și la din cu pentru care pe au al un se fost să mai că este nu va fi vor sau "
        "ce ani lei ale sunt nr iar ca lui prin după între fiind cel până cadrul două are "
        "acest anul loc cele dintre către euro această ora unui avut iunie trei an dar fie "
        "ar ianuarie data"
    ),
    "sk": (
        "sa je do že pre heslo nie ako roku má za od si alebo po pred hesla som päť hodnota "
        "to byť bol sme ste ktorá eur pani mám adresu sú prosím dní meno medzi týždeň dva "
        "podľa obsahovať včera dni účet priezvisko čas musí číslo narodil okolo podal proti "
        "pán tri pozdravom mi napíš dovolenku čo narodenia mesto balík"
    ),
    "sl": (
        "je in se za bo iz ni geslo po ki od do ob pri kot naslov ima vrednost pred ga so "
        "sem leta lahko pet med ali ste bil sta mora evrov čez račun gesla ime strani bila "
        "vse dve biti dni glede več ta stran bi včeraj zaradi teden naslovu ker naj paket "
        "število največ trenutno veljaven čas dne"
    ),
    "sv": (
        "att och en är på som för till av det har inte med ett den om de kan från eller var "
        "sig men man ska du vara lösenord vi så han in år efter säger än när alla bort "
        "måste sedan mot finns två ha här hade kommer ut mer också under över nu får sin "
        "objekt vid ta detta"
    ),
}

LANGUAGES_OF: Mapping[str, tuple[str, ...]] = {
    word: tuple(language for language, words in _WORDS.items() if word in words.split())
    for words in _WORDS.values()
    for word in words.split()
}
"""The languages (ISO 639-1) that have a word among their most frequent ones."""
