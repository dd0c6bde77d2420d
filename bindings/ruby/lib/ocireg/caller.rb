# frozen_string_literal: true

module Ocireg
  # How a client makes its calls: with its @handle, and its @defaults where there is no context.
  # @api private
  module Caller
    private

    # Makes a call that may block: function(client, context, arguments…, options, outs…, error). Of the keyword arguments,
    # context and timeout are this gem's, the others are the library's options.
    # @param outs [Array<Symbol>] :json, :string or :buffer, for each result
    # @param last_step [#call, nil] a last step of the call, when the function has succeeded
    # @param progress [Proc, nil] instead of the context's
    def invoke(function, *arguments, outs: %i[json], last_step: nil, context: nil, timeout: nil, **options, &progress)
      settings = WithProgress.of(context || @defaults, progress)
      by_job = FiberCall.fits?(arguments, last_step)
      call = by_job ? FiberCall.new(@defaults.events, settings, timeout) : Call.new(settings, timeout)
      calls = @defaults.calls
      calls[call] = true
      call.run_once do |native|
        handle = Options.of(options)
        results = call.results(outs) do |*places|
          Native.public_send(function, @handle, native, *arguments, handle, *places)
        end
        one_or_all(results).tap { last_step&.call }
      end
    ensure
      calls&.delete(call)
    end

    # Like invoke, for functions that open something: returns its handle and its call, which the caller finishes.
    def open_handle(kind, function, *arguments, context: nil, timeout: nil, **options)
      call = Call.new(context || @defaults, timeout)
      opened = call.run do |native|
        Status.made(kind, function, @handle, native, *arguments, Options.of(options))
      end
      [opened, call]
    ensure
      call&.finished unless opened
    end

    def one_or_all(results) = results.size > 1 ? results : results.first

    def text(what, value) = Convert.text(what, value)

    # Bytes as the two arguments that C expects.
    def bytes(what, value)
      data = Convert.bytes(what, value)
      [data, data.bytesize]
    end
  end
end
