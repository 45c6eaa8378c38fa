"""Common first names of the Union that are hardly ever anything else.

Those that are words of English or of code ("mark", "max", "will", "grant") are left out, and
accents are: a program writes a name without.
"""

from __future__ import annotations

FIRST_NAMES = frozenset(
    """
    aaron adam adela adele adriana adriano agata agnes agnieszka aino albert alberto
    alejandro aleksandar aleksander aleksandra alessandra alessandro alessia alexander
    alexandra alfonso alfred alice alicia alina alois ana anastasia anders andrea andreas
    andrei andrej andres andris andrius andrzej angela angelika anja anka anna anne anneli
    annette annika antoine anton antonia antonio antti arnaud artur arturo asta astrid
    augustin aurelie barbara bartosz beata beatrice beatriz benedikt benjamin bernadette
    bernard bernd bernhard bianca birgit bjorn blanka bogdan boris bozena brigitte bruno
    camille carlos carmen carolina caroline catarina caterina catherine cecilia celine
    charlotte christian christiane christina christine christoph christophe claire clara
    claudia claudio clemens clement corinna cornelia costas cristian cristina dagmar
    damian daniel daniela daniele danuta daria david davide deborah denise diana didier
    diego dieter dimitrios dimitris dominik dominique dora doris dorota dorothea eckhard
    edita eduard eduardo elena eleni eleonora elias elina elisa elisabeth elizabeth elke
    elodie elzbieta emil emilia emma emmanuel enrico erik erika ernst erzsebet esther
    etienne eugenia eva evelina ewa fabian fabio federica federico felipe felix ferenc
    fernando filip filippo florian francesca francesco francisco francois francoise
    franziska frederic friedrich gabor gabriel gabriela gabriele genevieve georg georgi
    georgios gerald gerard gerda gerhard giorgio giorgos giovanni gisela giulia giuseppe
    gonzalo grzegorz guido guillaume guillermo gunther gustav hana hanna hannah hannes
    hans harald hartmut heidi heike heiko heinrich heinz helena helene helga helmut henrik
    herbert hermann hubert hugo ignacio ilona ilse ines inga ingeborg ingrid ioana ioannis
    irena irene irina irmgard isabel isabella isabelle istvan ivan ivana ivo jacek jacques
    jadwiga jakub jana janina janis jaroslav javier jean jelena jens jerome jerzy jesper
    jiri joachim joan joana joanna joao jochen johan johann johanna johannes jolanta jonas
    jordi jorge jose josef josefine joseph josip juan juha juho julia julian juliana julie
    julien jurgen juris justyna kaarina kaisa karel karin karina karl karla karolina
    karoline kasper katarina katarzyna katerina katharina kathrin katja katrin kazimierz
    kerstin kirsi kirsten klara klaus konrad konstantin konstantinos kristian kristina
    kristine krisztina krystyna krzysztof ladislav lars laszlo laura laurent lea leena
    lena leon leonard leonardo leonie liam lidia liisa lilia lina linda lisa livia lorenzo
    louis louise luc luca lucas lucia luciano lucie lucja ludmila ludwig luigi luis luisa
    luise lukas lukasz maciej magda magdalena magnus maja malgorzata manfred manuel
    manuela marc marcel marcello marcin marco marcos marek margarita margit marguerite
    maria mariana marianne marie marija marika marina mario marion maris marisa marjan
    markku marko markus marlene marta martha martin martina martine mateo mateusz mathias
    matias matteo matthias matti maurice mauro maximilian melanie mercedes mette michael
    michaela michal michel michele michelle miguel mihai mikael mikko milan milena
    miloslav miriam mirjam miroslav mohamed mohammed monica monika monique morten nadia
    nadine natalia nathalie nicolas nicole niels nikola nikolai nikolaos nikolaus nils
    nina noemi nora norbert nuria olaf olga oliver olivia olivier oscar oskar ottilie
    pablo pascal patricia patrick paul paula paulina pauline paulo pavel pawel pedro pekka
    petr petra petros philipp philippe pierre pieter pilar piotr rafael rafal raffaele
    raimund rainer ralf raluca ramon raquel rebecca regina reinhard reinhold renata renate
    rene ricardo riccardo richard rita robert roberta roberto roland rolf roman romana
    rosa rosario rosemarie rosina ruben rudolf ruth sabina sabine salvatore samuel sandra
    sandrine sara sarah sari saskia sebastian sebastien sergio siegfried sigrid silke
    silvia simon simona simone slawomir sofia sofie sonja sophia sophie stanislav
    stanislaw stefan stefania stefano steffen stelian stephan stephanie susana susanna
    susanne sven svetlana sylvia sylvie szymon tadeusz tamara tamas tanja tatiana tatjana
    teresa theodor theresa therese thierry thomas thorsten tiina tina tobias tomas tomasz
    toni torsten ulrich ulrike ursula ute uwe vaclav valentin valentina valeria vanessa
    vasile vasilis vera veronica veronika veronique vesna victor victoria viktor viktoria
    vilma vincent vincenzo virginie vladimir vlasta walter waltraud werner wilhelm
    wojciech wolfgang xavier yannick yves yvonne zdenek zofia zoltan zsofia zsuzsanna
    zuzana
    """.split()  # noqa: SIM905
)
