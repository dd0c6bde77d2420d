# frozen_string_literal: true

require "fcntl"

module Ocireg
  # A call that writes to a descriptor, for any IO-like object.
  # @api private
  module Pipe
    module_function

    # Yields a descriptor to write to, and what the call does after its last byte, nil for nothing. The library's own writes end with
    # the call, whatever they wait for; an object that is not an IO gets the bytes from a {Carrier}.
    def to(io, &block)
      # A Pathname's write begins the file anew each time.
      raise TypeError, "the destination is #{io.class}, which is not open to write to" if io.is_a?(Pathname) || !io.respond_to?(:write)
      return Carrier.new(io).run(&block) unless direct?(io)

      io.flush
      yield io.fileno, nil
    end

    # Whether the descriptor takes the bytes as `write` would: not that of a subclass which has its own, nor the reading side of
    # what IO.popen gives.
    def direct?(io)
      io.is_a?(IO) && io.method(:write).owner == IO && io.fcntl(Fcntl::F_GETFL) & Fcntl::O_ACCMODE != Fcntl::O_RDONLY
    end
    private_class_method :direct?
  end
end
