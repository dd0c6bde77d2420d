# frozen_string_literal: true

module Ocireg
  # A call that writes to a descriptor, whose bytes go to any IO-like object. The library cannot be interrupted while a write of
  # its own blocks: so only a regular file gets the bytes directly. All else gets them through a pipe, from the caller's thread.
  # @api private
  module Pipe
    module_function

    # Gives the block a descriptor to write to.
    def to(io, &block)
      return through(io, &block) unless regular?(io)

      io.flush
      yield io.fileno
    end

    def regular?(io) = io.is_a?(IO) && io.stat.file?

    # The call waits in a thread of its own while this one reads. When this one leaves early, the closed pipe ends the call.
    def through(io)
      reader, writer = IO.pipe(binmode: true)
      writer.nonblock = false # Ruby's pipes are not what a C function expects
      call = Thread.new { finished(writer) { yield writer.fileno } }
      call.report_on_exception = false
      IO.copy_stream(reader, io)
      call.value
    ensure
      reader&.close
      leave(call) if call&.alive?
    end

    def finished(writer)
      yield
    ensure
      writer.close
    end

    def leave(call)
      call.raise(Worker::Stop)
      call.join
    rescue ::Exception # rubocop:disable Lint/RescueException
      nil # the caller's own is on its way
    end
    private_class_method :regular?, :through, :finished, :leave
  end
end
