# frozen_string_literal: true

module Ocireg
  # A call that writes to a descriptor, for any IO-like object. The library cannot be interrupted while one of its own
  # writes blocks, so only a regular file gets the bytes directly. Everything else gets them through a pipe, on the
  # caller's thread.
  # @api private
  module Pipe
    module_function

    # Yields a descriptor to write to.
    def to(io, &block)
      return through(io, &block) unless regular?(io)

      io.flush
      yield io.fileno
    end

    def regular?(io) = io.is_a?(IO) && io.stat.file?

    # The call runs in a separate thread while this one reads. When this one leaves early, the closed pipe ends the
    # call.
    def through(io)
      reader, writer = IO.pipe(binmode: true)
      writer.nonblock = false # Ruby's pipes are non-blocking, which a C function does not expect
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
      nil # the caller's own exception is being raised
    end
    private_class_method :regular?, :through, :finished, :leave
  end
end
