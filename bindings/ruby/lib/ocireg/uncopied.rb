# frozen_string_literal: true

module Ocireg
  # What stands for an object of the library is not copied: not by dup and clone, nor for another Ractor.
  # @api private
  module Uncopied
    private

    # The copy that Ruby has begun has the finalizer already, which would end the original's object.
    def initialize_copy(_original)
      ObjectSpace.undefine_finalizer(self)
      raise TypeError, "#{is_a?(FFI::Pointer) ? "a handle of the library" : self.class} cannot be copied"
    end
  end
end
