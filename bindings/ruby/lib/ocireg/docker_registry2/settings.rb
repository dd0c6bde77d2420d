# frozen_string_literal: true

require "fileutils"
require "tempfile"
require "uri"

module DockerRegistry2
  # The gem's options as those of a client and its host.
  # @api private
  class Settings
    # What docker.io's registry goes by. Its token server has another domain.
    HUB = /(\A|\.)docker\.(com|io)\z/

    # HTTPS_PROXY and its like count, as they do for the gem's HTTP client.
    SUPPORTED = %i[open_timeout read_timeout timeout proxy verify_ssl ssl_ca_file ssl_client_cert ssl_client_key headers
                   max_redirects].freeze

    # What becomes of what is not there, as :missing says: whether it is empty.
    MISSING = { nil => false, error: false, empty: true }.freeze

    # The address, taken apart. A user's name and password in it stay out of the message.
    def self.http(uri)
      parsed = URI.parse(uri.to_s)
      return parsed if parsed.is_a?(URI::HTTP) && !parsed.host.to_s.empty?

      raise URI::InvalidURIError
    rescue URI::InvalidURIError
      shown = uri.to_s.sub(/.*@/, "…@")
      raise Ocireg::InvalidArgument, "#{shown.inspect} is no address of a registry: give http://HOST[:PORT] or https://HOST[:PORT]"
    end

    def initialize(uri, options)
      @uri = uri
      @options = options
      @http = hash(:http_options, options[:http_options])
      unknown = @http.compact.keys - SUPPORTED
      mistake("http_options", "no #{unknown.join(", ")}; there are #{SUPPORTED.join(", ")}") unless unknown.empty?
      mistake("missing", "#{options[:missing].inspect} is neither :error nor :empty") unless MISSING.key?(options[:missing])
    end

    def empty_if_missing? = MISSING[@options[:missing]]

    # The host's name in references. Its port is always there, so that a host of one word is none of Docker Hub's repositories.
    def name = "#{@uri.host}:#{@uri.port}"

    def client
      {
        connect_timeout_ms: milliseconds(:open_timeout, 2), idle_timeout_ms: milliseconds(:read_timeout, 5),
        max_redirects: @http[:max_redirects] && number(:max_redirects, @http[:max_redirects]).to_i, proxy_from_environment: !@http.key?(:proxy)
      }
    end

    def host
      {
        endpoint: "#{@uri.scheme}://#{name}#{@uri.path.chomp("/")}", username: user, password: user && @options[:password].to_s,
        trusted_realms: @uri.host.match?(HUB) ? ["auth.docker.io"] : nil,
        proxy: proxy, headers: headers
      }.merge(tls)
    end

    # What removes a file when nobody needs it any more. Here, for a proc made in an object would keep that object alive.
    def self.removing(path) = proc { FileUtils.rm_f(path) }

    private

    def user
      name = @options[:user].to_s
      name unless name.strip.empty?
    end

    def mistake(option, reason) = raise(Ocireg::InvalidArgument, "option #{option}: #{reason}")

    def hash(option, value)
      return {} if value.nil?

      value.respond_to?(:to_hash) ? value.to_hash : mistake(option, "#{value.inspect} is no Hash")
    end

    def number(option, value)
      number = Float(value, exception: false)
      number&.finite? && !number.negative? ? number : mistake(option, "#{value.inspect} is no number, or less than 0")
    end

    # What is too little for a clock of milliseconds is one of them.
    def milliseconds(option, default)
      seconds = @http[option] || @http[:timeout] || @options[option] || default
      [(number(option, seconds) * 1000).ceil, 1].max
    end

    def proxy
      return unless @http.key?(:proxy)

      @http[:proxy].to_s.empty? ? "direct" : @http[:proxy].to_s
    end

    def headers = hash(:headers, @http[:headers]).to_h { |name, value| [name.to_s.tr("_", "-"), value.to_s] }

    def tls
      return {} unless @uri.scheme == "https"

      { insecure: [false, 0].include?(@http[:verify_ssl]) || nil, ca_file: @http[:ssl_ca_file],
        ca_only: @http[:ssl_ca_file] && true, client_cert_file: pem(:ssl_client_cert), client_key_file: pem(:ssl_client_key) }
    end

    # The other client takes OpenSSL's objects. The files live as long as these settings.
    def pem(name)
      object = @http[name] or return
      mistake(name, "#{object.class} is no certificate or key of OpenSSL's") unless object.respond_to?(:to_pem)
      file = Tempfile.create("ocireg")
      file.write(object.to_pem)
      file.close
      ObjectSpace.define_finalizer(self, Settings.removing(file.path))
      file.path
    end
  end
end
