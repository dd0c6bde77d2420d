# frozen_string_literal: true

module Ocireg
  # The base of all errors. There is a class for each code of the library, in groups:
  #
  #   Error
  #     UsageError      InvalidArgument, InvalidReference, Closed, Busy, Forked
  #     AccessError     Unauthenticated, Forbidden
  #     RegistryError   NotFound, Unsupported, RateLimited, ServerError, HTTPError, ProtocolError
  #     TransportError  ConnectError, ResolveError, TLSError, NetworkError, TimeoutError, RedirectError
  #     ContentError    DigestMismatch, SizeMismatch, LimitExceeded, InvalidManifest, SignatureError, MissingBlob
  #     Cancelled, FileError, CallbackError, InternalError
  #
  # A code unknown to this gem (of a newer library) is a plain Error.
  class Error < RuntimeError
    # @return [Integer] the library's code, 5
    attr_reader :code
    # @return [String] the code's name, "NOT_FOUND"
    attr_reader :name
    # @return [Hash] everything that is known, frozen: the fields of ocireg_error_json
    attr_reader :details

    # @param message [String, nil]
    # @param details [Hash] as in ocireg_error_json
    def initialize(message = nil, details = {})
      super(message || details["message"])
      @details = details.frozen? ? details : details.dup.freeze
      @code = details.fetch("code", self.class::CODE)
      @name = details.fetch("name", self.class::NAME)
    end

    # @return [Integer, nil] the errno of a failed file or descriptor operation, such as Errno::EPIPE::Errno
    def errno = details["errno"]

    # @return [Integer, nil] the HTTP status of the response that made the call fail
    def http_status = details["http_status"]

    # @return [Numeric, nil] the seconds after which the registry asks to retry
    def retry_after = details["retry_after"]

    # @return [Boolean] whether the same call may succeed later
    def retryable? = details["retryable"] == true

    # @return [String, nil] a hint what to do
    def hint = details["hint"]

    # @return [Array<Hash>] the registry's own errors: "code", "message", "detail"
    def registry_errors = details.fetch("registry_errors", [])

    # @return [String, nil] the URL of the request that failed, without userinfo and query
    def url = details["url"]

    # @return [String, nil] for a copy, "source" or "destination"
    def side = details["side"]

    # @return [Hash, nil] the name that was not to be set, and what it refers to now: "name", "digest"
    def conflict = details["conflict"]

    # The code and the name of exactly this class; those of InternalError for group classes.
    CODE = 27
    # (the same)
    NAME = "INTERNAL"
  end

  # The caller's mistake.
  class UsageError < Error; end
  # The registry does not let this caller do this.
  class AccessError < Error; end
  # The registry's response is a refusal, a failure, or invalid.
  class RegistryError < Error; end
  # The registry was not reached, or the connection broke.
  class TransportError < Error; end
  # The bytes are not what they should be.
  class ContentError < Error; end

  # {code => class}
  # @api private
  ERRORS = {} # rubocop:disable Style/MutableConstant

  [
    [UsageError, { InvalidArgument: 1, InvalidReference: 2, Closed: 25, Busy: 26, Forked: 24 }],
    [AccessError, { Unauthenticated: 3, Forbidden: 4 }],
    [RegistryError, { NotFound: 5, Unsupported: 6, RateLimited: 7, ServerError: 20, HTTPError: 21, ProtocolError: 13 }],
    [TransportError, { ConnectError: 8, ResolveError: 29, TLSError: 9, NetworkError: 28, TimeoutError: 10, RedirectError: 12 }],
    [ContentError, { DigestMismatch: 14, SizeMismatch: 15, LimitExceeded: 16, InvalidManifest: 17, SignatureError: 18,
                     MissingBlob: 19 }],
    [Error, { Cancelled: 11, FileError: 22, CallbackError: 23, InternalError: 27 }]
  ].each do |group, classes|
    classes.each do |class_name, code|
      error = const_set(class_name, Class.new(group))
      error.const_set(:CODE, code)
      error.const_set(:NAME, Native.ocireg_status_name(code))
      ERRORS[code] = error
    end
  end
  ERRORS.freeze
end
