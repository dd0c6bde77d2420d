# frozen_string_literal: true

module Ocireg
  # The gem's version; the library must have the same major and minor number.
  VERSION = "0.1.0"
end
