# frozen_string_literal: true

module Ocireg
  # The library's objects, each freed when Ruby collects it. In a forked child the library ignores the free.
  # @api private
  module Handle
    # A handle class with its own free function.
    def self.of(free)
      Class.new(FFI::AutoPointer) do
        include Uncopied
        define_singleton_method(:release) { |pointer| Native.public_send(free, pointer) }
      end
    end

    Client = of(:ocireg_client_free)
    Context = of(:ocireg_context_free)
    Options = of(:ocireg_options_free)
    BlobReader = of(:ocireg_blob_reader_free)
    Upload = of(:ocireg_upload_free)
    Job = of(:ocireg_job_free)
    Artifact = of(:ocireg_artifact_free)

    private_class_method :of
  end
end
