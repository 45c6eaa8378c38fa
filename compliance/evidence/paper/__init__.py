"""What is on paper: PDF/A-3 (ISO 19005-3, level A), signed by the installation (PAdES B-B).

page        what a paper consists of, and `printed`, which makes its PDF
letters     which characters the font has; what is put in the place of others
press       a program of its own: page.typ and the paper's data in, the PDF out
certificate the installation's key and certificate, or the customer's
signature   the signature in the PDF
issue       a paper set and signed
"""
