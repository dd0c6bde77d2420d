# frozen_string_literal: true

require "json"
require "uri"

module DockerRegistry2
  # Everything that goes wrong. Its cause is the {Ocireg::Error} that says more, and so do the methods that it has of that.
  class Exception < Ocireg::Error; end

  # The user name or the password is wrong, or missing.
  class RegistryAuthenticationException < Exception; end
  # The user may not do this.
  class RegistryAuthorizationException < Exception; end
  # There is no registry.
  class RegistryUnknownException < Exception; end
  # The registry's certificate is no good.
  class RegistrySSLException < Exception; end
  # A manifest of schema 1, where one of schema 2 is needed.
  class RegistryVersionException < Exception; end
  # Never raised; for programs that rescue it.
  class ReauthenticatedException < Exception; end
  # The registry finds the request malformed.
  class UnknownRegistryException < Exception; end
  # There is no such repository, tag or blob.
  class NotFound < Exception; end
  # The registry does not do this.
  class InvalidMethod < Exception; end
  # Any other refusal or failure of the registry; the HTTP status is in it. Of the gem since 1.19; before, RestClient's came through.
  class RegistryHTTPException < Exception; end
  # A layer could not be put on top of an image.
  class RegistryAppendError < Exception; end
  # A layer of a manifest to push is not in the directory.
  class MissingLayerException < Exception; end

  # Turns the errors of a block into those of this module.
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
    # Answers of a kind that the gem has a name for.
    STATUSES = { 400 => UnknownRegistryException, 405 => InvalidMethod }.freeze
    # What Ruby itself raises when an argument is no good, or a file.
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
