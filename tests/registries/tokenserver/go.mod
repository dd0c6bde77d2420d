module ocireg.test/tokenserver

go 1.21
