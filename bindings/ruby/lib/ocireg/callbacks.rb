# frozen_string_literal: true

module Ocireg
  # A caller's blocks as C functions. They run on the worker that makes the call.
  # @api private
  module Callbacks
    KINDS = {
      progress: [:int32, %i[pointer uint64 uint64]],
      blob_progress: [:int32, %i[pointer string]],
      log: [:int32, %i[pointer string]],
      credentials: [:int32, %i[pointer string pointer]]
    }.freeze

    module_function

    # Sets the context's blocks. Keep the return value as long as the library's context.
    def set(handle, context)
      blocks = [context.progress_block, context.blob_block, context.log_block, context.credentials_block]
      return unless blocks.any?

      blocks.zip(KINDS.keys).filter_map { |block, kind| set_one(handle, kind, block) if block }
    end

    # Returns the C function.
    def set_one(handle, kind, block)
      function = case kind
                 when :progress then progress(block)
                 when :credentials then credentials(block)
                 else event(kind, block)
                 end
      Status.check { |error| Native.public_send(:"ocireg_context_set_#{kind}", handle, function, nil, error) }
      function
    end

    def progress(block)
      function(:progress) { |_, done, total| block.call(done, total.zero? ? nil : total) }
    end

    # For blocks that receive a JSON object.
    def event(kind, block)
      function(kind) { |_, event| block.call(Convert.json(event.dup.force_encoding(Encoding::UTF_8))) }
    end

    def credentials(block)
      function(:credentials) do |_, host, answer|
        secrets(block, host.dup.force_encoding(Encoding::UTF_8)).each { |key, value| Options.set(answer, key.to_s, value) unless value.nil? }
      end
    end

    # What the caller's block finds for a host.
    def secrets(block, host)
      found = block.call(host)
      Convert.hash("the result of the credentials block", found.nil? ? {} : found)
    end

    # The source of an upload's bytes: anything with read(size).
    def source(io)
      FFI::Function.new(:int64, %i[pointer pointer size_t]) do |_, buffer, size|
        Job.callback(-1) { fill(buffer, size, io.read(size)) }
      end
    end

    def fill(buffer, size, data)
      return 0 if data.nil?
      raise TypeError, "read(#{size}) gave #{data.class}, not a String" unless data.is_a?(String)
      raise InvalidArgument, "read(#{size}) gave #{data.bytesize} bytes" if data.bytesize > size

      buffer.put_bytes(0, data)
      data.bytesize
    end

    def function(kind)
      FFI::Function.new(*KINDS.fetch(kind)) do |*arguments|
        Job.callback(1) do
          yield(*arguments)
          0
        end
      end
    end
    private_class_method :set_one, :progress, :event, :credentials, :function, :fill
  end
end
