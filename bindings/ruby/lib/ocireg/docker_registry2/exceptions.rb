# frozen_string_literal: true

require "json"
require "uri"

module DockerRegistry2
  # The base of all errors. Its cause is the {Ocireg::Error} with more details, which its methods read too.
  class Exception < Ocireg::Error; end

  # The user name or the password is wrong, or missing.
  class RegistryAuthenticationException < Exception; end
  # The user may not do this.
  class RegistryAuthorizationException < Exception; end
  # There is no registry at the address.
  class RegistryUnknownException < Exception; end
  # The registry's certificate is not valid.
  class RegistrySSLException < Exception; end
  # A schema-1 manifest, where one of schema 2 is needed.
  class RegistryVersionException < Exception; end
  # Never raised; exists for programs that rescue it.
  class ReauthenticatedException < Exception; end
  # The registry finds the request malformed.
  class UnknownRegistryException < Exception; end
  # There is no such repository, tag or blob.
  class NotFound < Exception; end
  # The registry does not support this.
  class InvalidMethod < Exception; end
  # Any other refusal or failure of the registry, with the HTTP status. In the gem since 1.19; before, RestClient's
  # exceptions came through.
  class RegistryHTTPException < Exception; end
  # A layer could not be appended to an image.
  class RegistryAppendError < Exception; end
  # A layer of the manifest to push is not in the directory.
  class MissingLayerException < Exception; end

  # Converts the errors of a block to those of this module.
  # @api private
  module Errors
    CLASSES = {
      Ocireg::Unauthenticated => RegistryAuthenticationException,
      Ocireg::Forbidden => RegistryAuthorizationException,
      Ocireg::ResolveError => RegistryUnknownException,
      Ocireg::ConnectError => RegistryUnknownException,
      Ocireg::TLSError => RegistrySSLException,
      Ocireg::NotFound => NotFound,
      Ocireg::Unsupported => InvalidMethod,
      Ocireg::RateLimited => RegistryHTTPException,
      Ocireg::ServerError => RegistryHTTPException,
      Ocireg::HTTPError => RegistryHTTPException
    }.freeze
    # Failures for which the gem has a name.
    STATUSES = { 400 => UnknownRegistryException, 405 => InvalidMethod }.freeze
    # What Ruby itself raises for a bad argument or file.
    RUBY = [RegexpError, URI::Error, JSON::JSONError, SystemCallError, IOError].freeze

    private

    def kind_of(error)
      kind = CLASSES.fetch(error.class, DockerRegistry2::Exception)
      kind == RegistryHTTPException ? STATUSES.fetch(error.http_status, kind) : kind
    end

    def guard
      yield
    rescue DockerRegistry2::Exception
      raise
    rescue Ocireg::Error => e
      kind = kind_of(e)
      message = kind == NotFound ? "Image not found at #{@uri.host}" : e.message
      raise kind.new(message, { "code" => e.code, "name" => e.name }.merge(e.details))
    rescue *RUBY => e
      reason = e.is_a?(SystemCallError) || e.is_a?(IOError) ? Ocireg::FileError : Ocireg::InvalidArgument
      raise DockerRegistry2::Exception.new(e.message, { "code" => reason::CODE, "name" => reason::NAME })
    end
  end
end
