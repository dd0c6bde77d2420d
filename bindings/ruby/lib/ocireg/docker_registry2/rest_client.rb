# frozen_string_literal: true

# Programs that use docker_registry2 rescue the exceptions of its HTTP client too. Where that is not installed, its
# names must exist all the same: otherwise `rescue RestClient::Exception` is itself an error and hides the original one.
# None of them is ever raised.
begin
  require "rest-client"
rescue LoadError
  # Only the names of rest-client's exceptions.
  module RestClient
    # The top of rest-client's tree.
    class Exception < RuntimeError; end
    # (the same)
    class ExceptionWithResponse < RestClient::Exception; end
    # (the same)
    class RequestFailed < ExceptionWithResponse; end
    # (the same)
    class ServerBrokeConnection < RestClient::Exception; end
    # (the same)
    class SSLCertificateNotVerified < RestClient::Exception; end

    # One for each status.
    %w[BadRequest Unauthorized PaymentRequired Forbidden NotFound MethodNotAllowed NotAcceptable ProxyAuthenticationRequired
       RequestTimeout Conflict Gone LengthRequired PreconditionFailed PayloadTooLarge URITooLong UnsupportedMediaType
       RangeNotSatisfiable ExpectationFailed MisdirectedRequest UnprocessableEntity Locked FailedDependency UpgradeRequired
       PreconditionRequired TooManyRequests RequestHeaderFieldsTooLarge UnavailableForLegalReasons InternalServerError NotImplemented
       BadGateway ServiceUnavailable GatewayTimeout HTTPVersionNotSupported InsufficientStorage LoopDetected NotExtended
       NetworkAuthenticationRequired MovedPermanently Found SeeOther NotModified TemporaryRedirect PermanentRedirect]
      .each { |name| const_set(name, Class.new(RequestFailed)) }
    # Its older name.
    ResourceNotFound = NotFound

    # Timeouts.
    module Exceptions
      # (the same)
      class Timeout < RequestTimeout; end
      # (the same)
      class OpenTimeout < Timeout; end
      # (the same)
      class ReadTimeout < Timeout; end
    end
  end
end
