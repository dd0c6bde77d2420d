# frozen_string_literal: true

module Ocireg
  # An upload session at a registry, which this process or another can continue: keep {#to_h}. Frozen: each step returns
  # the session as it is then.
  class UploadSession
    # @return [Hash] "url", "repository", "offset", "min_chunk_size"
    attr_reader :to_h

    # @api private
    def initialize(client, session)
      @client = client
      @to_h = session
      freeze
    end

    # @return [String] anyone who knows it may be able to write to the session
    def url = to_h["url"]
    # @return [Integer] the bytes that the registry has
    def offset = to_h["offset"]
    # @return [Integer] every chunk but the last must be that long
    def min_chunk_size = to_h["min_chunk_size"]

    # Asks the registry how far it is: ocireg_upload_session_status.
    # @return [UploadSession]
    def status(**options) = step(:status, **options)

    # Sends the next bytes: ocireg_upload_session_chunk.
    # @param data [String]
    # @param options offset:
    # @return [UploadSession]
    def chunk(data, **options)
      data = Convert.bytes("data", data)
      step(:chunk, data, data.bytesize, **options)
    end

    # Completes the session: ocireg_upload_session_finish.
    # @param digest [String] of the whole blob
    # @param data [String] the last bytes, if any are left
    # @return [Hash] as in {Blobs#put_blob}
    def finish(digest, data = "", **options)
      data = Convert.bytes("data", data)
      @client.session_call(:finish, to_h, Convert.text("digest", digest), data, data.bytesize, **options)
    end

    # Cancels the session: ocireg_upload_session_cancel.
    # @return [void]
    def cancel(**options)
      @client.session_call(:cancel, to_h, outs: [], **options)
    end

    # @return [String]
    def inspect = "#<#{self.class} #{to_h["repository"]} at #{offset}>"

    private

    def step(verb, *arguments, **options)
      UploadSession.new(@client, @client.session_call(verb, to_h, *arguments, **options))
    end
  end
end
