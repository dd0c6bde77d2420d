# frozen_string_literal: true

module Ocireg
  # Uploads in chunks.
  module Uploads
    # Starts an upload of unknown length: ocireg_upload_start. With a block, yields the upload, finishes it afterwards,
    # and returns {Upload#finish}'s result; an exception cancels the upload.
    #
    #   client.upload("localhost:5000/a") { |upload| IO.copy_stream($stdin, upload) }
    #
    # @param repository [String] [HOST[:PORT]/]REPOSITORY
    # @param options chunk_size:; context: and timeout: apply to the writes too
    # @yieldparam upload [Upload]
    # @return [Upload, Hash]
    def upload(repository, **options, &block)
      Upload.open(*open_handle(Handle::Upload, :ocireg_upload_start, text("repository", repository), **options), &block)
    end

    # Opens an upload session, to be continued by this process or another: ocireg_upload_session_start.
    # @param repository [String] [HOST[:PORT]/]REPOSITORY
    # @param options digest_algorithm:
    # @return [UploadSession]
    def upload_session(repository, **options)
      UploadSession.new(self, invoke(:ocireg_upload_session_start, text("repository", repository), **options))
    end

    # Continues an upload session: ocireg_upload_session_status.
    # @param session [Hash, String] {UploadSession#to_h}, its JSON, or the session's URL
    # @return [UploadSession] in its state at the registry
    def resume_upload(session, **options)
      UploadSession.new(self, session_call(:status, session, **options))
    end

    # @api private
    def session_call(verb, session, *arguments, **options)
      json = session.is_a?(Hash) ? JSON.generate(session) : text("session", session)
      invoke(:"ocireg_upload_session_#{verb}", json, *arguments, **options)
    end
  end
end
