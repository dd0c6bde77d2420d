# frozen_string_literal: true

module Ocireg
  # A client for any number of registries: connections, tokens and settings. Cheap to keep, and safe for any number of threads.
  #
  #   client = Ocireg::Client.new
  #   client.each_tag("quay.io/prometheus/busybox") { |tag| puts tag }
  #
  # == Every method that contacts a registry
  # * calls the C function named in its documentation, whose comment in ocireg.h describes all options, the result and
  #   errors;
  # * takes the options of that function as keyword arguments, and two more: +context+ (a {Context}) and +timeout+ (seconds);
  # * returns its result as a deeply frozen Hash with strings as keys: OCI's own names;
  # * raises an {Error} of the class for what went wrong;
  # * lets other threads run meanwhile, and can be interrupted by Timeout, Thread#raise, Thread#kill and Ctrl-C.
  class Client
    include Uncopied
    include Caller
    include Registries
    include Manifests
    include Blobs
    include Uploads
    include Images
    include Artifacts
    include Indexes
    include Layouts
    include Accounts

    # As {#initialize}; with a block, yields the client, closes it afterwards, and returns the block's value.
    # @yieldparam client [Client]
    # @return [Client, Object]
    def self.open(**options)
      client = new(**options)
      return client unless block_given?

      begin
        yield client
      ensure
        client.close
      end
    end

    # @param hosts [Hash{String => Hash}] the settings of registry hosts, see {#set_host}
    # @param timeout [Numeric, nil] the limit in seconds for each call without a context
    # @param log [#call, nil] see {Context#log_block}; for calls without a context
    # @param credentials [#call, nil] see {Context#credentials_block}; for calls without a context
    # @param options the options of ocireg_client_new; of the machine's own configuration registries_conf:, registries_conf_dir:,
    #   registries_d:, containers_registries:, containerd_certs_dir:, k3s_registries:, docker_daemon_json: and short_names: (what a
    #   name without a registry is: "docker.io", or what those "files" say)
    def initialize(hosts: {}, timeout: nil, log: nil, credentials: nil, **options)
      blocks = { log: log, credentials: credentials }.map { |name, block| Convert.callable(name, block) }
      Convert.hash("hosts", hosts).each { |host, settings| Convert.hash("hosts[#{host.inspect}]", settings) }
      limit = Convert.seconds("timeout", timeout)
      @handle = Status.made(Handle::Client, :ocireg_client_new, Options.of(options))
      calls = {}.compare_by_identity
      @defaults = Defaults.new(limit, *blocks, calls, Events.new(@handle, calls)).freeze
      @closed = false
      hosts.each { |host, settings| set_host(host, **settings) }
    end

    # Replaces the settings of one registry host: ocireg_client_set_host.
    # @param host [String] HOST[:PORT]
    # @param settings username:, password:, token:, plain_http:, insecure:, ca_file:, proxy:, mirrors: (each
    #   "[SCHEME://]HOST[:PORT][/PREFIX]" or a Hash with endpoint:, by_digest_only:, push: and namespace:), mirrors_only: and more
    # @return [self]
    def set_host(host, **settings)
      name = text("host", host)
      options = Options.of(settings)
      Status.check { |error| Native.ocireg_client_set_host(@handle, name, options, error) }
      self
    end

    # Ends the calls in progress with {Closed}, and every later one: ocireg_client_close. From any thread, any number of
    # times.
    # @return [void]
    def close
      Status.check { |error| Native.ocireg_client_close(@handle, error) }
      @closed = true
      @defaults.calls.keys.each { |call| call.stop(Closed.new("the client is closed")) } # others change it meanwhile
      nil
    end

    # @return [Boolean]
    def closed? = @closed

    # The calls of protocol v1.
    # @return [V1]
    def v1 = @v1 ||= V1.new(@handle, @defaults)

    # Without credentials, so that they do not get into a log.
    # @return [String]
    def inspect = "#<#{self.class}#{" closed" if @closed}>"
  end
end
